"""Ground floor: every table of the first release."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_close",
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("transfers", sa.BigInteger(), nullable=False),
        sa.Column("totals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("previous_digest", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("local_day", name=op.f("day_close_pkey")),
        sa.UniqueConstraint("digest", name=op.f("day_close_digest_key")),
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_start", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("installation_only_one_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("installation_pkey")),
    )
    op.create_table(
        "lesson",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("current_id", sa.BigInteger(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_reason", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("key ~ '^[a-z0-9][a-z0-9-]{1,63}$'", name=op.f("lesson_key_check")),
        sa.CheckConstraint(
            "(withdrawn_at is null) = (withdrawn_reason is null)",
            name=op.f("lesson_withdrawn_with_reason_check"),
        ),
        sa.CheckConstraint(
            "published_at is null or current_id is not null",
            name=op.f("lesson_published_has_version_check"),
        ),
        sa.CheckConstraint(
            "withdrawn_at is null or published_at is not null",
            name=op.f("lesson_withdrawn_was_published_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("lesson_pkey")),
        sa.UniqueConstraint("key", name=op.f("lesson_key_key")),
    )
    op.create_index(
        op.f("lesson_published_at_id_idx"), "lesson", ["published_at", "id"], unique=False
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("parent_code", sa.Text(), nullable=True),
        sa.Column("lineage", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.CheckConstraint(
            "kind in ('province', 'city', 'district', 'county', 'town', 'community', 'village', 'group', 'school', 'department', 'unit', 'family')",
            name=op.f("organisation_kind_check"),
        ),
        sa.CheckConstraint(
            "cardinality(lineage) = 0 or lineage[cardinality(lineage)] = id",
            name=op.f("organisation_lineage_check"),
        ),
        sa.CheckConstraint(
            "char_length(name) between 1 and 50", name=op.f("organisation_name_check")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["organisation.id"], name=op.f("organisation_parent_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("organisation_pkey")),
        sa.UniqueConstraint("code", name=op.f("organisation_code_key")),
    )
    op.create_index(
        op.f("organisation_lineage_idx"),
        "organisation",
        ["lineage"],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(op.f("organisation_parent_id_idx"), "organisation", ["parent_id"], unique=False)
    op.create_table(
        "platform",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("platform_pkey")),
    )
    op.create_table(
        "schedule_run",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deferred_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "due_at", name=op.f("schedule_run_pkey")),
    )
    op.create_table(
        "unit",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("decimals", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("unit_pkey")),
    )
    op.create_table(
        "wechat_inbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("appid", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("openid", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'received') = (settled_at is null)", name=op.f("wechat_inbox_settled_check")
        ),
        sa.CheckConstraint(
            "state in ('received', 'answered', 'failed')", name=op.f("wechat_inbox_state_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("wechat_inbox_pkey")),
        sa.UniqueConstraint("appid", "key", name=op.f("wechat_inbox_appid_key_key")),
    )
    op.create_index(
        "wechat_inbox_failed_idx",
        "wechat_inbox",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'failed'"),
    )
    op.create_index("wechat_inbox_openid_idx", "wechat_inbox", ["openid"], unique=False)
    op.create_index("wechat_inbox_received_at_idx", "wechat_inbox", ["received_at"], unique=False)
    op.create_table(
        "wechat_token",
        sa.Column("appid", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refreshing_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("appid", name=op.f("wechat_token_pkey")),
    )
    op.create_table(
        "credit_rule",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("explanation", sa.String(), nullable=False),
        sa.Column("formula", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("once", sa.String(), nullable=False),
        sa.Column("daily_cap", sa.BigInteger(), nullable=True),
        sa.Column("weekly_cap", sa.BigInteger(), nullable=True),
        sa.Column("yearly_cap", sa.BigInteger(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "once IN ('each', 'object', 'day', 'ever')", name=op.f("credit_rule_once_check")
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("credit_rule_unit_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("credit_rule_pkey")),
        sa.UniqueConstraint("code", "version", name=op.f("credit_rule_code_version_key")),
    )
    op.create_table(
        "frozen_ranking",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("board", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("to_day", sa.Date(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("frozen_ranking_unit_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("frozen_ranking_pkey")),
        sa.UniqueConstraint(
            "board",
            "unit",
            "period",
            "from_day",
            name=op.f("frozen_ranking_board_unit_period_from_day_key"),
        ),
    )
    op.create_table(
        "lesson_plan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("org_id", sa.BigInteger(), nullable=True),
        sa.Column("lesson_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lesson_id"], ["lesson.id"], name=op.f("lesson_plan_lesson_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisation.id"], name=op.f("lesson_plan_org_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("lesson_plan_pkey")),
        sa.UniqueConstraint(
            "local_day",
            "org_id",
            name=op.f("lesson_plan_local_day_org_id_key"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "lesson_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("lesson_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("audience", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("plain", sa.Text(), nullable=False),
        sa.Column("media_url", sa.String(), nullable=True),
        sa.Column("required_seconds", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name=op.f("lesson_version_digest_check")),
        sa.CheckConstraint(
            "kind = 'article' or media_url is not null",
            name=op.f("lesson_version_recording_has_media_check"),
        ),
        sa.CheckConstraint(
            "kind in ('article', 'video', 'audio')", name=op.f("lesson_version_kind_check")
        ),
        sa.CheckConstraint("number > 0", name=op.f("lesson_version_number_positive_check")),
        sa.CheckConstraint(
            "required_seconds > 0", name=op.f("lesson_version_required_seconds_positive_check")
        ),
        sa.ForeignKeyConstraint(
            ["lesson_id"], ["lesson.id"], name=op.f("lesson_version_lesson_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["platform"], ["platform.name"], name=op.f("lesson_version_platform_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("lesson_version_pkey")),
        sa.UniqueConstraint(
            "lesson_id", "number", name=op.f("lesson_version_lesson_id_number_key")
        ),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("org_id", sa.BigInteger(), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("org_stated_by_id", sa.BigInteger(), nullable=True),
        sa.Column("org_stated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rank_visible", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("birth_year", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_into_id", sa.BigInteger(), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "birth_year between 1900 and 2999", name=op.f("person_birth_year_check")
        ),
        sa.CheckConstraint("char_length(name) between 1 and 20", name=op.f("person_name_check")),
        sa.CheckConstraint(
            "erased_at is null or (name is null and org_id is null and unit_id is null and birth_year is null and not rank_visible)",
            name=op.f("person_erased_check"),
        ),
        sa.CheckConstraint("merged_into_id <> id", name=op.f("person_not_into_itself_check")),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["person.id"], name=op.f("person_merged_into_id_fkey")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organisation.id"], name=op.f("person_org_id_fkey")),
        sa.ForeignKeyConstraint(
            ["org_stated_by_id"], ["person.id"], name=op.f("person_org_stated_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["organisation.id"], name=op.f("person_unit_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("person_pkey")),
    )
    op.create_index(op.f("person_merged_into_id_idx"), "person", ["merged_into_id"], unique=False)
    op.create_index(op.f("person_org_id_idx"), "person", ["org_id"], unique=False)
    op.create_index(op.f("person_unit_id_idx"), "person", ["unit_id"], unique=False)
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("organisation_id", sa.BigInteger(), nullable=True),
        sa.Column("program", sa.String(), nullable=True),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        sa.Column("earned", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(program IS NULL) = (balance IS NOT NULL)",
            name=op.f("account_balance_of_owners_check"),
        ),
        sa.CheckConstraint(
            "(program IS NULL) = (earned IS NOT NULL)", name=op.f("account_earned_by_owners_check")
        ),
        sa.CheckConstraint(
            "num_nonnulls(person_id, organisation_id, program) = 1",
            name=op.f("account_one_owner_check"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("account_organisation_id_fkey")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("account_person_id_fkey")),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("account_unit_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("account_pkey")),
        sa.UniqueConstraint(
            "person_id",
            "organisation_id",
            "program",
            "unit",
            name=op.f("account_person_id_organisation_id_program_unit_key"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "activity",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("org_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("made_by_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("activity_takes_time_check")),
        sa.CheckConstraint("minutes > 0", name=op.f("activity_minutes_positive_check")),
        sa.ForeignKeyConstraint(
            ["made_by_id"], ["person.id"], name=op.f("activity_made_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organisation.id"], name=op.f("activity_org_id_fkey")),
        sa.ForeignKeyConstraint(
            ["platform"], ["platform.name"], name=op.f("activity_platform_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("activity_pkey")),
        sa.UniqueConstraint("code", name=op.f("activity_code_key")),
        sa.UniqueConstraint(
            "org_id", "title", "starts_at", name=op.f("activity_org_id_title_starts_at_key")
        ),
    )
    op.create_table(
        "attention",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("lesson_id", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["lesson_id"], ["lesson.id"], name=op.f("attention_lesson_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("attention_person_id_fkey")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("attention_pkey")),
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("guardian_id", sa.BigInteger(), nullable=True),
        sa.Column("guardian_note", sa.Text(), nullable=True),
        sa.CheckConstraint("guardian_id <> person_id", name=op.f("consent_guardian_check")),
        sa.ForeignKeyConstraint(
            ["guardian_id"], ["person.id"], name=op.f("consent_guardian_id_fkey")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("consent_person_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("consent_pkey")),
    )
    op.create_index(
        "consent_open_key",
        "consent",
        ["person_id", "purpose", "version"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at is null"),
    )
    op.create_index(op.f("consent_person_id_idx"), "consent", ["person_id"], unique=False)
    op.create_table(
        "frozen_row",
        sa.Column("ranking_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ranking_id"],
            ["frozen_ranking.id"],
            name=op.f("frozen_row_ranking_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ranking_id", "subject_id", name=op.f("frozen_row_pkey")),
    )
    op.create_table(
        "honour",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_on", sa.Date(), nullable=False),
        sa.CheckConstraint("kind IN ('title', 'badge')", name=op.f("honour_kind_check")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("honour_person_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("honour_pkey")),
        sa.UniqueConstraint("person_id", "code", name=op.f("honour_person_id_code_key")),
    )
    op.create_table(
        "identity",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("appid", sa.Text(), nullable=False),
        sa.Column("openid", sa.Text(), nullable=False),
        sa.Column("unionid", sa.Text(), nullable=True),
        sa.Column("subscribed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("subscribed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unsubscribed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("identity_person_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("identity_pkey")),
        sa.UniqueConstraint("appid", "openid", name=op.f("identity_appid_openid_key")),
    )
    op.create_index(op.f("identity_person_id_idx"), "identity", ["person_id"], unique=False)
    op.create_index(op.f("identity_unionid_idx"), "identity", ["unionid"], unique=False)
    op.create_table(
        "letter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'claimed', 'sent', 'refused', 'skipped', 'unknown')",
            name=op.f("letter_state_check"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("letter_person_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("letter_pkey")),
        sa.UniqueConstraint("key", name=op.f("letter_key_key")),
    )
    op.create_index("letter_person_idx", "letter", ["person_id", "sent_at"], unique=False)
    op.create_table(
        "merge",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kept_id", sa.BigInteger(), nullable=False),
        sa.Column("merged_id", sa.BigInteger(), nullable=False),
        sa.Column("identity_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("taken", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ordered_by_id", sa.BigInteger(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kept_id <> merged_id", name=op.f("merge_two_persons_check")),
        sa.ForeignKeyConstraint(["kept_id"], ["person.id"], name=op.f("merge_kept_id_fkey")),
        sa.ForeignKeyConstraint(["merged_id"], ["person.id"], name=op.f("merge_merged_id_fkey")),
        sa.ForeignKeyConstraint(
            ["ordered_by_id"], ["person.id"], name=op.f("merge_ordered_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["undone_by_id"], ["person.id"], name=op.f("merge_undone_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("merge_pkey")),
    )
    op.create_index(op.f("merge_kept_id_idx"), "merge", ["kept_id"], unique=False)
    op.create_index(op.f("merge_merged_id_idx"), "merge", ["merged_id"], unique=False)
    op.create_index(
        "merge_standing_key",
        "merge",
        ["merged_id"],
        unique=True,
        postgresql_where=sa.text("undone_at is null"),
    )
    op.create_table(
        "office",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("org_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("since_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("granted_by_id", sa.BigInteger(), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by_id", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "role in ('admin', 'tutor', 'volunteer', 'lecturer', 'editor', 'chief_editor')",
            name=op.f("office_role_check"),
        ),
        sa.CheckConstraint("until_on >= since_on", name=op.f("office_term_check")),
        sa.ForeignKeyConstraint(
            ["ended_by_id"], ["person.id"], name=op.f("office_ended_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["granted_by_id"], ["person.id"], name=op.f("office_granted_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organisation.id"], name=op.f("office_org_id_fkey")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("office_person_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("office_pkey")),
    )
    op.create_index(
        "office_open_key",
        "office",
        ["person_id", "role", "org_id"],
        unique=True,
        postgresql_where=sa.text("until_on is null"),
    )
    op.create_index(op.f("office_org_id_idx"), "office", ["org_id"], unique=False)
    op.create_index(op.f("office_person_id_idx"), "office", ["person_id"], unique=False)
    op.create_table(
        "person_token",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('api')", name=op.f("person_token_kind_check")),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("person_token_digest_check")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("person_token_person_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("person_token_pkey")),
        sa.UniqueConstraint("digest", name=op.f("person_token_digest_key")),
    )
    op.create_index(op.f("person_token_person_id_idx"), "person_token", ["person_id"], unique=False)
    op.create_table(
        "prior_learning",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("institution", sa.String(), nullable=False),
        sa.Column("hours_hundredths", sa.Integer(), nullable=False),
        sa.Column("achieved_on", sa.Date(), nullable=False),
        sa.Column("document_name", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by_id", sa.BigInteger(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_by_id", sa.BigInteger(), nullable=True),
        sa.Column("remarks", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state IN ('applied', 'confirmed', 'approved', 'refused')",
            name=op.f("prior_learning_state_check"),
        ),
        sa.CheckConstraint(
            "confirmed_by_id <> approved_by_id", name=op.f("prior_learning_two_people_check")
        ),
        sa.CheckConstraint(
            "confirmed_by_id <> person_id AND approved_by_id <> person_id",
            name=op.f("prior_learning_not_oneself_check"),
        ),
        sa.CheckConstraint(
            "hours_hundredths > 0", name=op.f("prior_learning_hours_positive_check")
        ),
        sa.ForeignKeyConstraint(
            ["approved_by_id"], ["person.id"], name=op.f("prior_learning_approved_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by_id"], ["person.id"], name=op.f("prior_learning_confirmed_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("prior_learning_person_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["refused_by_id"], ["person.id"], name=op.f("prior_learning_refused_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("prior_learning_pkey")),
        sa.UniqueConstraint(
            "person_id",
            "document_sha256",
            name=op.f("prior_learning_person_id_document_sha256_key"),
        ),
    )
    op.create_index(
        op.f("prior_learning_person_id_idx"), "prior_learning", ["person_id"], unique=False
    )
    op.create_table(
        "question",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("options", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("answer", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.CheckConstraint(
            "kind in ('single', 'multiple', 'judge')", name=op.f("question_kind_check")
        ),
        sa.CheckConstraint("cardinality(answer) >= 1", name=op.f("question_has_answer_check")),
        sa.CheckConstraint("cardinality(options) >= 2", name=op.f("question_has_options_check")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["lesson_version.id"], name=op.f("question_version_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("question_pkey")),
        sa.UniqueConstraint(
            "version_id", "position", name=op.f("question_version_id_position_key")
        ),
    )
    op.create_table(
        "study",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("lesson_id", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("passed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_on", sa.Date(), nullable=True),
        sa.Column("merge_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(completed_at IS NULL) = (completed_on IS NULL)", name=op.f("study_completed_check")
        ),
        sa.CheckConstraint("verified_ms >= 0", name=op.f("study_time_positive_check")),
        sa.ForeignKeyConstraint(["lesson_id"], ["lesson.id"], name=op.f("study_lesson_id_fkey")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("study_person_id_fkey")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["lesson_version.id"], name=op.f("study_version_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("study_pkey")),
        sa.UniqueConstraint("person_id", "lesson_id", name=op.f("study_person_id_lesson_id_key")),
    )
    op.create_index("study_completed_idx", "study", ["person_id", "completed_on"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("right", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("attempt_study_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("attempt_pkey")),
        sa.UniqueConstraint("study_id", "number", name=op.f("attempt_study_id_number_key")),
    )
    op.create_table(
        "attendance",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("activity_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["activity_id"], ["activity.id"], name=op.f("attendance_activity_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by_id"], ["person.id"], name=op.f("attendance_confirmed_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("attendance_person_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("attendance_pkey")),
        sa.UniqueConstraint(
            "activity_id", "person_id", name=op.f("attendance_activity_id_person_id_key")
        ),
    )
    op.create_index(op.f("attendance_person_id_idx"), "attendance", ["person_id"], unique=False)
    op.create_table(
        "study_day",
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("verified_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("verified_ms >= 0", name=op.f("study_day_time_positive_check")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("study_day_study_id_fkey")),
        sa.PrimaryKeyConstraint("study_id", "local_day", name=op.f("study_day_pkey")),
    )
    op.create_table(
        "transfer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("debit_id", sa.BigInteger(), nullable=False),
        sa.Column("credit_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("rule_id", sa.BigInteger(), nullable=True),
        sa.Column("rule_code", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column(
            "facts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("village_id", sa.BigInteger(), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("reverses_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("ordered_by_id", sa.BigInteger(), nullable=True),
        sa.Column("debit_after", sa.BigInteger(), nullable=True),
        sa.Column("credit_after", sa.BigInteger(), nullable=True),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(reverses_id IS NULL) = (reason IS NULL)",
            name=op.f("transfer_reversal_has_reason_check"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("transfer_amount_positive_check")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("transfer_two_accounts_check")),
        sa.ForeignKeyConstraint(
            ["credit_id"], ["account.id"], name=op.f("transfer_credit_id_fkey")
        ),
        sa.ForeignKeyConstraint(["debit_id"], ["account.id"], name=op.f("transfer_debit_id_fkey")),
        sa.ForeignKeyConstraint(
            ["ordered_by_id"], ["person.id"], name=op.f("transfer_ordered_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["transfer.id"], name=op.f("transfer_reverses_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["credit_rule.id"], name=op.f("transfer_rule_id_fkey")
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("transfer_unit_fkey")),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["organisation.id"], name=op.f("transfer_unit_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["village_id"], ["organisation.id"], name=op.f("transfer_village_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("transfer_pkey")),
        sa.UniqueConstraint("key", name=op.f("transfer_key_key")),
        sa.UniqueConstraint("reverses_id", name=op.f("transfer_reverses_id_key")),
    )
    op.create_index(
        "transfer_caps_idx", "transfer", ["credit_id", "rule_code", "local_day"], unique=False
    )
    op.create_index("transfer_credit_idx", "transfer", ["credit_id", "id"], unique=False)
    op.create_index("transfer_day_idx", "transfer", ["local_day", "id"], unique=False)
    op.create_index("transfer_debit_idx", "transfer", ["debit_id", "id"], unique=False)

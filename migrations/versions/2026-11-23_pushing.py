"""Pushing: manuscripts and their reviews, groups and deliveries, publications, permits, tasks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPEND_ONLY = ("manuscript_version", "manuscript_step", "delivery_act")


def upgrade() -> None:
    op.create_table(
        "job_outcome",
        sa.Column("appid", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('freepublish', 'mass')", name=op.f("job_outcome_kind_check")),
        sa.PrimaryKeyConstraint("appid", "kind", "job_id", "status", name=op.f("job_outcome_pkey")),
    )
    op.create_table(
        "platform_media",
        sa.Column("appid", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "purpose in ('body', 'cover')", name=op.f("platform_media_purpose_check")
        ),
        sa.PrimaryKeyConstraint("appid", "sha256", "purpose", name=op.f("platform_media_pkey")),
    )
    op.create_table(
        "quota_use",
        sa.Column("appid", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("local_month", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("appid", "key", name=op.f("quota_use_pkey")),
    )
    op.create_index(op.f("quota_use_local_day_idx"), "quota_use", ["local_day"], unique=False)
    op.create_table(
        "publishing_plan",
        sa.Column("appid", sa.Text(), nullable=False),
        sa.Column("org_id", sa.BigInteger(), nullable=False),
        sa.Column("weekdays", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("at", sa.Time(), nullable=False),
        sa.Column("week_min", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("week_max", sa.Integer(), server_default=sa.text("2"), nullable=False),
        sa.CheckConstraint(
            "weekdays <@ '{1,2,3,4,5,6,7}' and weekdays <> '{}'",
            name=op.f("publishing_plan_weekdays_check"),
        ),
        sa.CheckConstraint(
            "1 <= week_min and week_min <= week_max", name=op.f("publishing_plan_week_check")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisation.id"], name=op.f("publishing_plan_org_id_fkey")
        ),
        sa.PrimaryKeyConstraint("appid", name=op.f("publishing_plan_pkey")),
    )
    op.create_table(
        "closed_day",
        sa.Column("org_id", sa.BigInteger(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_by_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["made_by_id"], ["person.id"], name=op.f("closed_day_made_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisation.id"], name=op.f("closed_day_org_id_fkey")
        ),
        sa.PrimaryKeyConstraint("org_id", "local_day", name=op.f("closed_day_pkey")),
    )
    op.create_table(
        "learning_group",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("org_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("send_at", sa.Time(), nullable=False),
        sa.Column("deadline", sa.Time(), nullable=False),
        sa.Column("open_from", sa.Time(), nullable=False),
        sa.Column("open_until", sa.Time(), nullable=False),
        sa.Column("relayed_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "address is not null or channel in ('relay', 'console')",
            name=op.f("learning_group_address_check"),
        ),
        sa.CheckConstraint(
            "channel in ('relay', 'wecom_robot', 'wecom_customer_group', 'qq_bot', 'console')",
            name=op.f("learning_group_channel_check"),
        ),
        sa.CheckConstraint("open_from < open_until", name=op.f("learning_group_open_check")),
        sa.CheckConstraint("send_at < deadline", name=op.f("learning_group_hours_check")),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisation.id"], name=op.f("learning_group_org_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["person.id"], name=op.f("learning_group_owner_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("learning_group_pkey")),
    )
    op.create_index(
        "learning_group_address_key",
        "learning_group",
        ["channel", "address"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_index(
        "learning_group_name_key",
        "learning_group",
        ["org_id", "name"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_index(op.f("learning_group_org_id_idx"), "learning_group", ["org_id"], unique=False)
    op.create_table(
        "manuscript",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("org_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("flags", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('issue', 'push')", name=op.f("manuscript_kind_check")),
        sa.CheckConstraint(
            "state in ('draft', 'first_review', 'second_review', 'final_review', 'approved', 'scheduled', 'publishing', 'published', 'failed', 'unknown', 'withdrawn')",
            name=op.f("manuscript_state_check"),
        ),
        sa.CheckConstraint("version >= 1 and round >= 0", name=op.f("manuscript_counters_check")),
        sa.ForeignKeyConstraint(
            ["author_id"], ["person.id"], name=op.f("manuscript_author_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisation.id"], name=op.f("manuscript_org_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("manuscript_pkey")),
        sa.UniqueConstraint("key", name=op.f("manuscript_key_key")),
    )
    op.create_index(op.f("manuscript_org_id_idx"), "manuscript", ["org_id"], unique=False)
    op.create_index(
        "manuscript_state_idx", "manuscript", ["kind", "state", "scheduled_at"], unique=False
    )
    op.create_table(
        "request_key",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("request_key_person_id_fkey")
        ),
        sa.PrimaryKeyConstraint("person_id", "key", name=op.f("request_key_pkey")),
    )
    op.create_table(
        "upload",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("uploaded_by_id", sa.BigInteger(), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "media_type in ('image/jpeg', 'image/png')", name=op.f("upload_media_type_check")
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by_id"], ["person.id"], name=op.f("upload_uploaded_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("upload_pkey")),
        sa.UniqueConstraint("sha256", name=op.f("upload_sha256_key")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("manuscript_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("platform_ref", sa.Text(), nullable=True),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clicks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("learned", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "channel in ('relay', 'wecom_robot', 'wecom_customer_group', 'qq_bot', 'console')",
            name=op.f("delivery_channel_check"),
        ),
        sa.CheckConstraint(
            "state in ('planned', 'claimed', 'sent', 'handed_over', 'unknown', 'failed', 'skipped')",
            name=op.f("delivery_state_check"),
        ),
        sa.CheckConstraint("clicks >= 0 and learned >= 0", name=op.f("delivery_counts_check")),
        sa.ForeignKeyConstraint(
            ["group_id"], ["learning_group.id"], name=op.f("delivery_group_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["manuscript_id"], ["manuscript.id"], name=op.f("delivery_manuscript_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("delivery_pkey")),
        sa.UniqueConstraint("group_id", "local_day", name=op.f("delivery_group_id_local_day_key")),
    )
    op.create_index(
        "delivery_due_idx",
        "delivery",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("state = 'planned'"),
    )
    op.create_index(op.f("delivery_manuscript_id_idx"), "delivery", ["manuscript_id"], unique=False)
    op.create_index("delivery_state_idx", "delivery", ["state", "claimed_at"], unique=False)
    op.create_table(
        "manuscript_version",
        sa.Column("manuscript_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("made_by_id", sa.BigInteger(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["made_by_id"], ["person.id"], name=op.f("manuscript_version_made_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["manuscript_id"], ["manuscript.id"], name=op.f("manuscript_version_manuscript_id_fkey")
        ),
        sa.PrimaryKeyConstraint("manuscript_id", "version", name=op.f("manuscript_version_pkey")),
    )
    op.create_table(
        "permit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("identity_id", sa.BigInteger(), nullable=False),
        sa.Column("template_id", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("letter_id", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identity.id"], name=op.f("permit_identity_id_fkey")
        ),
        sa.ForeignKeyConstraint(["letter_id"], ["letter.id"], name=op.f("permit_letter_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("permit_pkey")),
        sa.UniqueConstraint("key", name=op.f("permit_key_key")),
    )
    op.create_index(
        "permit_unused_idx",
        "permit",
        ["identity_id", "template_id"],
        unique=False,
        postgresql_where=sa.text("used_at is null and withdrawn_at is null"),
    )
    op.create_table(
        "publication",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("manuscript_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("appid", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("draft_media_id", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Text(), nullable=True),
        sa.Column("article_id", sa.Text(), nullable=True),
        sa.Column(
            "urls", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "method in ('freepublish', 'mass', 'hand')", name=op.f("publication_method_check")
        ),
        sa.CheckConstraint(
            "state in ('preparing', 'drafted', 'submitting', 'submitted', 'by_hand', 'published', 'failed', 'unknown')",
            name=op.f("publication_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["manuscript_id"], ["manuscript.id"], name=op.f("publication_manuscript_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("publication_pkey")),
        sa.UniqueConstraint("appid", "job_id", name=op.f("publication_appid_job_id_key")),
        sa.UniqueConstraint("manuscript_id", name=op.f("publication_manuscript_id_key")),
    )
    op.create_index(
        "publication_next_idx",
        "publication",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("next_at is not null"),
    )
    op.create_table(
        "sign_up",
        sa.Column("activity_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["activity_id"], ["activity.id"], name=op.f("sign_up_activity_id_fkey")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("sign_up_person_id_fkey")),
        sa.PrimaryKeyConstraint("activity_id", "person_id", name=op.f("sign_up_pkey")),
    )
    op.create_table(
        "delivery_act",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "act in ('sent', 'retry', 'give_up')", name=op.f("delivery_act_act_check")
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("delivery_act_delivery_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("delivery_act_person_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("delivery_act_pkey")),
    )
    op.create_index(
        op.f("delivery_act_delivery_id_idx"), "delivery_act", ["delivery_id"], unique=False
    )
    op.create_table(
        "manuscript_step",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("manuscript_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("remarks", sa.Text(), server_default="", nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "decision is null or decision in ('approve', 'return')",
            name=op.f("manuscript_step_decision_check"),
        ),
        sa.CheckConstraint(
            "step in ('write', 'change', 'submit', 'first_review', 'second_review', 'final_review', 'schedule', 'unschedule', 'publish', 'settle', 'withdraw')",
            name=op.f("manuscript_step_step_check"),
        ),
        sa.ForeignKeyConstraint(
            ["manuscript_id", "version"],
            ["manuscript_version.manuscript_id", "manuscript_version.version"],
            name=op.f("manuscript_step_manuscript_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("manuscript_step_person_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("manuscript_step_pkey")),
    )
    op.create_index(
        op.f("manuscript_step_manuscript_id_idx"),
        "manuscript_step",
        ["manuscript_id"],
        unique=False,
    )
    op.create_index(
        "manuscript_step_once_key",
        "manuscript_step",
        ["manuscript_id", "round", "step"],
        unique=True,
        postgresql_where=sa.text("decision = 'approve'"),
    )
    op.create_index(
        "manuscript_step_person_key",
        "manuscript_step",
        ["manuscript_id", "round", "person_id"],
        unique=True,
        postgresql_where=sa.text("decision = 'approve'"),
    )
    op.create_table(
        "task",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("org_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("manuscript_id", sa.BigInteger(), nullable=True),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (closed_at is null)", name=op.f("task_closed_check")
        ),
        sa.CheckConstraint("state in ('open', 'done', 'dropped')", name=op.f("task_state_check")),
        sa.CheckConstraint(
            "person_id is not null or role is not null", name=op.f("task_somebody_check")
        ),
        sa.ForeignKeyConstraint(
            ["closed_by_id"], ["person.id"], name=op.f("task_closed_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("task_delivery_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["manuscript_id"], ["manuscript.id"], name=op.f("task_manuscript_id_fkey")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organisation.id"], name=op.f("task_org_id_fkey")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("task_person_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("task_pkey")),
        sa.UniqueConstraint("key", name=op.f("task_key_key")),
    )
    op.create_index(op.f("task_delivery_id_idx"), "task", ["delivery_id"], unique=False)
    op.create_index(op.f("task_manuscript_id_idx"), "task", ["manuscript_id"], unique=False)
    op.create_index(
        "task_open_idx",
        "task",
        ["org_id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(op.f("task_person_id_idx"), "task", ["person_id"], unique=False)
    op.add_column(
        "letter",
        sa.Column(
            "routes",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{custom}'"),
            nullable=False,
        ),
    )
    op.add_column("letter", sa.Column("route", sa.String(), nullable=True))
    op.add_column("letter", sa.Column("page", sa.String(), nullable=True))
    op.add_column(
        "letter", sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=True)
    )
    op.create_index(
        "letter_open_idx",
        "letter",
        ["made_at"],
        unique=False,
        postgresql_where=sa.text("state in ('waiting', 'claimed')"),
    )
    op.create_check_constraint(
        op.f("letter_route_check"),
        "letter",
        "route is null or route in ('custom', 'notice', 'wecom_app')",
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )

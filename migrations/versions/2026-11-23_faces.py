"""Faces: sessions of pages, tickets to sign in, the audit log of staff, papers filed again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.drop_constraint(op.f("person_token_kind_check"), "person_token", type_="check")
    op.create_check_constraint(
        op.f("person_token_kind_check"), "person_token", "kind in ('api', 'web')"
    )
    op.add_column("person_token", sa.Column("user_agent", sa.Text(), nullable=True))
    op.create_table(
        "sign_in_ticket",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("confirmed_at", INSTANT, nullable=True),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "kind in ('link', 'web_view', 'scan')", name=op.f("sign_in_ticket_kind_check")
        ),
        sa.CheckConstraint(
            "state in ('waiting', 'confirmed', 'used')", name=op.f("sign_in_ticket_state_check")
        ),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("sign_in_ticket_digest_check")),
        sa.CheckConstraint(
            "(kind = 'scan') = (code is not null)", name=op.f("sign_in_ticket_code_check")
        ),
        sa.CheckConstraint(
            "person_id is not null or (kind = 'scan' and state = 'waiting')",
            name=op.f("sign_in_ticket_person_check"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("sign_in_ticket_person_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("sign_in_ticket_pkey")),
        sa.UniqueConstraint("code", name=op.f("sign_in_ticket_code_key")),
        sa.UniqueConstraint("digest", name=op.f("sign_in_ticket_digest_key")),
    )
    for column in ("made_at", "person_id"):
        op.create_index(op.f(f"sign_in_ticket_{column}_idx"), "sign_in_ticket", [column])
    op.create_table(
        "staff_act",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("staff_act_person_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("staff_act_pkey")),
    )
    for column in ("person_id", "subject"):
        op.create_index(op.f(f"staff_act_{column}_id_idx"), "staff_act", [column, "id"])
    op.execute(
        "CREATE TRIGGER staff_act_append_only BEFORE UPDATE OR DELETE ON staff_act"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER staff_act_no_truncate BEFORE TRUNCATE ON staff_act"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    # A lesson written in the studio belongs to a place and has an author.
    op.add_column("lesson", sa.Column("org_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("lesson_org_id_fkey"), "lesson", "organisation", ["org_id"], ["id"])
    op.add_column("lesson_version", sa.Column("made_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("lesson_version_made_by_id_fkey"), "lesson_version", "person", ["made_by_id"], ["id"]
    )
    op.add_column("task", sa.Column("asked_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("task_asked_by_id_fkey"), "task", "person", ["asked_by_id"], ["id"])
    op.create_index(op.f("task_asked_by_id_idx"), "task", ["asked_by_id"])
    op.add_column("prior_learning", sa.Column("refused_at", INSTANT, nullable=True))
    # When it was refused was not kept so far: not before the last thing known of it.
    op.execute(
        "UPDATE prior_learning SET refused_at = coalesce(confirmed_at, applied_at)"
        " WHERE state = 'refused'"
    )
    op.create_check_constraint(
        op.f("prior_learning_refused_check"),
        "prior_learning",
        "(state = 'refused') = (refused_at IS NOT NULL)",
    )
    op.drop_constraint(
        op.f("prior_learning_person_id_document_sha256_key"), "prior_learning", type_="unique"
    )
    op.create_index(
        "prior_learning_document_key",
        "prior_learning",
        ["document_sha256"],
        unique=True,
        postgresql_where=sa.text("refused_at IS NULL"),
    )

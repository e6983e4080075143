"""Ranks: a read model of the boards, and the triggers that tell it what happened.

A trigger rather than a cursor on transfer.id: ids become visible out of order, a row of the same
transaction does not. The tables are filled by the worker (or `shoushan ranking rebuild`), not
here, so that no migration holds a lock on transfers while millions are added up; until then the
boards are computed as before.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def number(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def words(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(), nullable=nullable)


def numbered() -> "sa.Column[int]":
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def keyed(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"{table}_pkey"))


NOTE_BOOKINGS = """
CREATE FUNCTION rank_note_bookings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rank_booking (unit, local_day, person_id, amount, village_id, unit_id)
    SELECT made.unit, made.local_day, account.person_id,
        CASE WHEN made.reverses_id IS NULL THEN made.amount ELSE -made.amount END,
        made.village_id, made.unit_id
    FROM made JOIN account ON account.id =
        CASE WHEN made.reverses_id IS NULL THEN made.credit_id ELSE made.debit_id END
    WHERE made.rule_id IS NOT NULL;
    RETURN NULL;
END $$
"""

# Whoever is merged or erased is no member; whom a merge had led to is touched by its undoing, too.
NOTE_PERSON = """
CREATE FUNCTION rank_note_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rank_change (side, org_id, members)
    SELECT side, org_id, sum(members) FROM (
        SELECT side, org_id, -1 AS members
        FROM (VALUES ('village', OLD.org_id), ('unit', OLD.unit_id)) AS named (side, org_id)
        WHERE TG_OP = 'UPDATE' AND OLD.merged_into_id IS NULL AND OLD.erased_at IS NULL
        UNION ALL
        SELECT side, org_id, 1
        FROM (VALUES ('village', NEW.org_id), ('unit', NEW.unit_id)) AS named (side, org_id)
        WHERE NEW.merged_into_id IS NULL AND NEW.erased_at IS NULL) changed
    WHERE org_id IS NOT NULL GROUP BY side, org_id HAVING sum(members) <> 0;
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO rank_change (person_id)
        SELECT DISTINCT one FROM unnest(ARRAY[NEW.id, OLD.merged_into_id, NEW.merged_into_id])
            AS one WHERE one IS NOT NULL;
    END IF;
    RETURN NULL;
END $$
"""

# Everybody below an organisation that moves stands elsewhere: rare, so all is built anew.
NOTE_TREE = """
CREATE FUNCTION rank_note_tree() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rank_change (person_id) VALUES (NULL);
    RETURN NULL;
END $$
"""

TRIGGERS = (
    (
        "CREATE TRIGGER rank_note_bookings AFTER INSERT ON transfer"
        " REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION rank_note_bookings()"
    ),
    (
        "CREATE TRIGGER rank_note_new_person AFTER INSERT ON person FOR EACH ROW"
        " WHEN (NEW.org_id IS NOT NULL OR NEW.unit_id IS NOT NULL)"
        " EXECUTE FUNCTION rank_note_person()"
    ),
    (
        "CREATE TRIGGER rank_note_person AFTER UPDATE ON person FOR EACH ROW"
        " WHEN ((OLD.org_id, OLD.unit_id, OLD.rank_visible, OLD.merged_into_id, OLD.erased_at)"
        " IS DISTINCT FROM"
        " (NEW.org_id, NEW.unit_id, NEW.rank_visible, NEW.merged_into_id, NEW.erased_at))"
        " EXECUTE FUNCTION rank_note_person()"
    ),
    (
        "CREATE TRIGGER rank_note_tree AFTER UPDATE ON organisation FOR EACH ROW"
        " WHEN (OLD.lineage <> '{}' AND OLD.lineage IS DISTINCT FROM NEW.lineage)"
        " EXECUTE FUNCTION rank_note_tree()"
    ),
)


def upgrade() -> None:
    op.create_table(
        "rank_board",
        *(
            numbered(),
            words("unit"),
            words("period"),
            sa.Column("from_day", sa.Date(), nullable=False),
        ),
        keyed("rank_board", "id"),
        sa.UniqueConstraint(
            "unit", "period", "from_day", name=op.f("rank_board_unit_period_from_day_key")
        ),
    )
    op.create_table(
        "rank_score",
        *(number("board_id"), number("person_id"), number("amount")),
        sa.Column("placed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "scopes",
            postgresql.ARRAY(sa.BigInteger()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        keyed("rank_score", "board_id", "person_id"),
    )
    op.create_index(op.f("rank_score_person_id_idx"), "rank_score", ["person_id"])
    op.create_table(
        "rank_place",
        *(number("board_id"), number("org_id"), number("minus"), number("person_id")),
        keyed("rank_place", "board_id", "org_id", "minus", "person_id"),
    )
    op.create_table(
        "rank_count",
        *(number("board_id"), number("org_id")),
        sa.Column("width", sa.SmallInteger(), nullable=False),
        *(number("bucket"), number("persons")),
        keyed("rank_count", "board_id", "org_id", "width", "bucket"),
    )
    op.create_table(
        "rank_group",
        *(number("board_id"), words("side"), number("org_id"), number("amount")),
        keyed("rank_group", "board_id", "side", "org_id"),
    )
    op.create_table(
        "rank_member",
        *(words("side"), number("org_id"), number("members")),
        keyed("rank_member", "side", "org_id"),
    )
    create_notes()


def create_notes() -> None:
    op.create_table(
        "rank_booking",
        *(numbered(), words("unit"), sa.Column("local_day", sa.Date(), nullable=False)),
        *(number("person_id", nullable=True), number("amount")),
        *(number("village_id", nullable=True), number("unit_id", nullable=True)),
        keyed("rank_booking", "id"),
    )
    op.create_table(
        "rank_change",
        *(numbered(), number("person_id", nullable=True), words("side", nullable=True)),
        *(number("org_id", nullable=True), number("members", nullable=True)),
        keyed("rank_change", "id"),
    )
    op.create_index(
        "rank_change_rebuild_idx",
        "rank_change",
        ["id"],
        postgresql_where=sa.text("person_id is null and side is null"),
    )
    for table in ("rank_booking", "rank_change"):
        # Small tables that are filled and emptied all day.
        op.execute(
            f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0,"
            " autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_threshold = 2000)"
        )
    op.execute("INSERT INTO rank_change (person_id) VALUES (NULL)")
    for statement in (NOTE_BOOKINGS, NOTE_PERSON, NOTE_TREE, *TRIGGERS):
        op.execute(statement)

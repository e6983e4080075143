"""Ground floor, second part: the queue's schema, and triggers that keep history as it was."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("transfer", "credit_rule", "day_close", "lesson_version", "question")

REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: it is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
        HINT = 'A mistake is corrected by a new row: a reversal, a new version.';
END $$
"""

# The shared lock makes a close of that day wait for this transfer, and the test sees a close that
# came first. The class number is app/credit_bank/closing.py's DAY_LOCK; the object is
# date.toordinal(), the days since the year 1.
DAY_OPEN = """
CREATE FUNCTION transfer_day_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1397247829, NEW.local_day - DATE '0001-01-01' + 1);
    IF EXISTS (SELECT FROM day_close WHERE local_day >= NEW.local_day) THEN
        RAISE EXCEPTION 'the day % is closed', NEW.local_day USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.create_foreign_key(
        "lesson_current_id_fkey", "lesson", "lesson_version", ["current_id"], ["id"]
    )
    op.execute(REFUSE)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(DAY_OPEN)
    op.execute(
        "CREATE TRIGGER transfer_day_open BEFORE INSERT ON transfer"
        " FOR EACH ROW EXECUTE FUNCTION transfer_day_open()"
    )
    # The queue's schema as the locked Procrastinate brings it. When the lock moves to a release
    # with migrations of its own, they become a revision that does nothing on a fresh database.
    op.get_bind().exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))

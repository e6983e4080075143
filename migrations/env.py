"""Alembic's entry: the models it compares with, and a connection that does not wait for ever."""

from alembic import context
from sqlalchemy import Connection, create_engine, pool
from sqlalchemy.schema import SchemaItem

import app.content.models
import app.core.installation
import app.core.once
import app.core.schedule
import app.credit_bank.models
import app.editorial.models
import app.learning.models
import app.people.models
import app.push.account_models
import app.push.models
import app.ranking.models
import app.recognition.models
import app.wechat.models  # noqa: F401  every module above registers its tables
from app.core.db import Model, set_limits, sqlalchemy_url


def include(_: SchemaItem, name: str | None, kind: str, *__: object) -> bool:
    """The queue's own tables are Procrastinate's business."""
    return not (kind == "table" and str(name).startswith("procrastinate_"))


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Model.metadata,
        include_object=include,
        compare_server_default=True,
        # A revision that fails leaves the ones before it done.
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


connected = context.config.attributes.get("connection")
if connected is not None:
    run(connected)
else:
    # A migration that waits for a lock makes everybody behind it wait, too: give up after 5 s.
    url = context.config.attributes["url"]
    engine = create_engine(sqlalchemy_url(url), poolclass=pool.NullPool)
    set_limits(engine, url, lock_timeout="5s")
    with engine.connect() as opened:
        run(opened)

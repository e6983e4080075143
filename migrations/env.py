"""Alembic's entry: the models it compares with, and a service that goes on meanwhile.

A migration that waits for a lock makes everybody behind it wait, too. So it gives way after half a
second, lets the queue pass and tries again, as often as it takes to find a quiet moment. Half a
second is less than the server's `deadlock_timeout` (1 s): of a migration and a request that wait for
each other, the migration always gives way first.
"""

import time
from collections.abc import Callable

from alembic import context
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, create_engine, pool
from sqlalchemy.exc import OperationalError
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

LOCK_WAIT = "500ms"
TRIES, PAUSE_SECONDS = 120, 1.0
"""Two to three minutes, for somebody else's long transaction, such as a backup, to end."""


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


def run_patiently(connect: Callable[[], Connection]) -> None:
    """Revision after revision; one that could not have its locks is tried again from its start."""
    for tries_left in reversed(range(TRIES)):
        try:
            with connect() as opened:
                return run(opened)
        except OperationalError as error:
            # A revision is one transaction: what it had locked is free again.
            if not isinstance(error.orig, LockNotAvailable) or not tries_left:
                raise
            time.sleep(PAUSE_SECONDS)
    return None


connected = context.config.attributes.get("connection")
if connected is not None:
    run(connected)
else:
    url = context.config.attributes["url"]
    engine = create_engine(sqlalchemy_url(url), poolclass=pool.NullPool)
    set_limits(engine, url, lock_timeout=LOCK_WAIT)
    run_patiently(engine.connect)

"""python-accounting: one award = one journal entry with one line, posted; awards a second.

Run in a virtual environment of its own: `accounting_peer.py DATABASE_URL AWARDS`.
"""

# mypy: ignore-errors
# (the library lives in an environment of its own)

import sys
import time
from datetime import datetime, timedelta

from python_accounting.database.session import get_session
from python_accounting.models import Account, Base, Currency, Entity, LineItem
from python_accounting.transactions import JournalEntry
from sqlalchemy import create_engine, select

PEOPLE = 100


def book(url: str, awards: int) -> float:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    Base.metadata.create_all(engine)
    with get_session(engine) as session:
        entity = session.scalars(select(Entity)).first() or _found(session)
        session.entity = entity
        issuer, *people = session.scalars(select(Account).order_by(Account.id)).all()
        ids = [one.id for one in people]
        # Within the reporting period, after its first instant.
        when = datetime.now() - timedelta(minutes=1)  # noqa: DTZ005  as the library wants it
        begun = time.perf_counter()
        for number in range(awards):
            entry = JournalEntry(
                narration="award", transaction_date=when, account_id=issuer.id, entity_id=entity.id
            )
            session.add(entry)
            session.flush()
            line = LineItem(
                narration="award", account_id=ids[number % PEOPLE], amount=2, entity_id=entity.id
            )
            session.add(line)
            session.flush()
            entry.line_items.add(line)
            session.add(entry)
            entry.post(session)
            session.commit()
        return awards / (time.perf_counter() - begun)


def _found(session: object) -> object:
    entity = Entity(name="town")
    session.add(entity)
    session.commit()
    currency = Currency(name="credit", code="CNY", entity_id=entity.id)
    session.add(currency)
    session.commit()
    kind = Account.AccountType.EQUITY
    facts = {"account_type": kind, "currency_id": currency.id, "entity_id": entity.id}
    session.add_all([Account(name=f"{n}", **facts) for n in range(PEOPLE + 1)])
    session.commit()
    return entity


if __name__ == "__main__":
    print(book(sys.argv[1], int(sys.argv[2])))

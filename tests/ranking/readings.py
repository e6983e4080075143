"""A board read in all three ways, which must say the same."""

from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.ranking.folding import ask_for_rebuild, fold_all
from app.ranking.queries import Ranking, get_ranking
from tests.factories.people import NOW


async def read_board(session: AsyncSession, name: str, **facts: Any) -> Ranking:
    """As residents get it: from the read model and the notes that are not in it yet.

    Then with every note folded, then straight from the transfers.
    """
    asked: dict[str, Any] = {
        "board": name,
        "unit": "credit",
        "period": "month",
        "day": date(2026, 11, 23),
        "org_id": None,
        "person_id": None,
        "my_org_ids": [],
        "cursor": None,
        "limit": 50,
        "now": NOW,
        **facts,
    }
    found = await get_ranking(session, **asked)
    await session.execute(text("SAVEPOINT read"))
    for work in (fold_all, ask_for_rebuild):
        await work(session)
        assert await get_ranking(session, **asked) == found, work.__name__
    await fold_all(session)
    assert await get_ranking(session, **asked) == found, "built anew"
    await session.execute(text("ROLLBACK TO SAVEPOINT read"))
    return found

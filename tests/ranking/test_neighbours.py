"""Around one's own place: who chose to appear, and oneself even if not."""

from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories.bank import pay
from tests.factories.people import NOW, make_person
from tests.ranking.readings import read_board


async def near(session: AsyncSession, person_id: int, *, around: int = 1) -> list[tuple[int, bool]]:
    found = await read_board(session, "people", person_id=person_id, limit=1, around=around)
    return [(one.amount, one.is_me) for one in found.near]


async def test_the_nearest_on_either_side(session: AsyncSession) -> None:
    people = [await make_person(session, visible=True) for _ in range(5)]
    for index, person in enumerate(people):
        await pay(session, person, 100 * (index + 1), now=NOW)
    hidden = await make_person(session)
    await pay(session, hidden, 350, now=NOW)
    assert await near(session, people[2].id) == [(400, False), (300, True), (200, False)]
    assert await near(session, people[4].id) == [(500, True), (400, False)]
    assert await near(session, hidden.id) == [(400, False), (350, True), (300, False)]
    assert await near(session, people[0].id, around=0) == []
    nobody = await make_person(session, visible=True)
    assert await near(session, nobody.id) == []

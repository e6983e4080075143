from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.errors import OrganisationNotFound, OrgFileError
from app.people.models import Organisation
from app.people.organisations import OrgReport, import_organisations
from app.people.queries import lineage_of, org_by_code, villages_below
from tests.people.factories import COUNTY, TOWN, make_town

HEADER = "code,name,kind,parent_code\n"
DATA = Path(__file__).parents[2] / "data"


async def path_of(session: AsyncSession, code: str) -> str:
    """The codes from the root down, as the stored lineage says it."""
    lineage = await lineage_of(session, (await org_by_code(session, code)).id)
    rows = await session.execute(select(Organisation.id, Organisation.code))
    codes = {id_: code for id_, code in rows}  # noqa: C416  dict(rows) is not typed
    return "/".join(codes[id_] for id_ in lineage)


async def test_a_file_is_loaded_once(session: AsyncSession) -> None:
    assert await make_town(session) == OrgReport(7, 0, 0, ("T",))
    assert await make_town(session) == OrgReport(0, 0, 7, ("T",))
    assert await path_of(session, "T-1-F") == "T/T-1/T-1-G/T-1-F"
    family = await org_by_code(session, "T-1-F")
    group = await org_by_code(session, "T-1-G")
    assert family.parent_id == group.id


async def test_a_parent_that_comes_later_takes_up_its_town(session: AsyncSession) -> None:
    await make_town(session)
    town = await org_by_code(session, "T")
    assert town.parent_id is None
    assert await make_town(session, COUNTY) == OrgReport(1, 0, 0, ("C",))
    assert await path_of(session, "T-1-F") == "C/T/T-1/T-1-G/T-1-F"
    # The session's own copy follows.
    assert len(town.lineage) == 2
    assert await make_town(session) == OrgReport(0, 0, 7, ())


async def test_a_move_takes_the_whole_subtree_along(session: AsyncSession) -> None:
    await make_town(session)
    moved = f"{HEADER}T-1-G,文坪村一组（并入）,group,T-2\n"
    assert await make_town(session, moved) == OrgReport(0, 1, 0, ())
    assert await path_of(session, "T-1-F") == "T/T-2/T-1-G/T-1-F"
    assert await path_of(session, "T-1") == "T/T-1"
    assert (await org_by_code(session, "T-1-G")).name == "文坪村一组（并入）"


async def test_a_town_can_be_taken_out_of_its_county(session: AsyncSession) -> None:
    await make_town(session, COUNTY)
    await make_town(session)
    await make_town(session, f"{HEADER}T,双槐镇,town,\n")
    assert await path_of(session, "T-1") == "T/T-1"


async def test_children_may_stand_above_their_parents(session: AsyncSession) -> None:
    lines = TOWN.splitlines()
    await make_town(session, "\n".join([lines[0], *reversed(lines[1:])]))
    assert await path_of(session, "T-1-F") == "T/T-1/T-1-G/T-1-F"


async def test_a_bad_line_stops_the_whole_file(session: AsyncSession) -> None:
    with pytest.raises(OrgFileError) as caught:
        await make_town(session, TOWN + "T-9,,village,T\nT-8,某村,village,Z\n")
    assert [problem.line for problem in caught.value.problems] == [9, 10]
    assert await session.scalar(select(func.count()).select_from(Organisation)) == 0


async def test_a_cycle_through_the_database_is_refused(session: AsyncSession) -> None:
    await make_town(session)
    with pytest.raises(OrgFileError, match="循环"):
        await make_town(session, f"{HEADER}T,双槐镇,town,T-1-G\n")
    assert await path_of(session, "T-1") == "T/T-1"


async def test_a_county_hosts_several_towns(session: AsyncSession) -> None:
    await make_town(session, COUNTY)
    await make_town(session)
    await make_town(session, f"{HEADER}U,黄土镇,town,C\nU-1,某村,village,U\n")
    county, town = await org_by_code(session, "C"), await org_by_code(session, "T")
    assert [one.code for one in await villages_below(session, county.id)] == ["T-1", "T-2", "U-1"]
    assert [one.code for one in await villages_below(session, town.id)] == ["T-1", "T-2"]
    village = await org_by_code(session, "T-1")
    assert [one.code for one in await villages_below(session, village.id)] == ["T-1"]


async def test_the_demo_town(session: AsyncSession) -> None:
    files = ("shuanghuai-villages.csv", "shuanghuai-units.csv")
    first = [
        await import_organisations(session, content=(DATA / file).read_bytes()) for file in files
    ]
    assert [report.created for report in first] == [20, 18]
    town = await org_by_code(session, "500117126")
    assert len(await villages_below(session, town.id)) == 19
    again = [
        await import_organisations(session, content=(DATA / file).read_bytes()) for file in files
    ]
    assert [report.unchanged for report in again] == [20, 18]


async def test_an_unknown_organisation(session: AsyncSession) -> None:
    with pytest.raises(OrganisationNotFound):
        await org_by_code(session, "nowhere")
    with pytest.raises(OrganisationNotFound):
        await lineage_of(session, 4711)

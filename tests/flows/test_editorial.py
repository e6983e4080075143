"""The reviews as a story below HTTP: tasks and letters follow every step."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.editorial import desk
from app.flows import editorial
from app.push.models import Letter, Task
from tests.factories.editorial import issue
from tests.factories.people import NOW, make_office, make_person, make_town


async def test_a_push_has_no_limits_of_an_issue_but_its_words_are_flagged(
    session: AsyncSession,
) -> None:
    town = (await make_town(session)).town
    editor = await make_person(session, "槐编")
    await make_office(session, editor, "editor", town)
    made = await desk.write(
        session, kind="push", key="push:1:2026-11-24", org_id=town.id, author_id=None,
        body={"date": "2026-11-24", "lesson_id": 7, "lesson_version_id": 9, "text": "刷单返利"},
        now=NOW,
    )  # fmt: skip
    await editorial.submit(session, manuscript_id=made.id, by_id=None, now=NOW)
    assert [one["word"] for one in made.flags] == ["刷单", "返利"]
    task = (await session.scalars(select(Task))).one()
    assert (task.kind, task.role, task.title) == ("review", "editor", "初审：每日学习 2026-11-24")
    letter = (await session.scalars(select(Letter))).one()
    assert (letter.person_id, letter.kind) == (editor.id, "duty")


async def test_the_same_change_again_leaves_the_reviewers_their_task(session: AsyncSession) -> None:
    town = (await make_town(session)).town
    author = (await make_person(session)).id
    made = await desk.write(
        session, kind="push", key="push:1:2026-11-24", org_id=town.id, author_id=author,
        body={"text": "一"}, now=NOW,
    )  # fmt: skip
    await editorial.submit(session, manuscript_id=made.id, by_id=author, now=NOW)
    await editorial.change(
        session, manuscript_id=made.id, body={"text": "一"}, by_id=author, now=NOW
    )
    task = (await session.scalars(select(Task))).one()
    assert task.state == "open"
    await editorial.change(
        session, manuscript_id=made.id, body={"text": "二"}, by_id=author, now=NOW
    )
    await session.refresh(task)
    assert (task.state, task.closed_reason) == ("dropped", "稿件已修改")


def test_how_people_call_a_manuscript() -> None:
    assert editorial.title_of("issue", issue()) == "首善双槐一期《反诈三问》"
    assert editorial.title_of("issue", {"articles": []}) == "首善双槐一期《无题》"
    assert editorial.title_of("push", {"date": "2026-11-24"}) == "每日学习 2026-11-24"


async def test_what_the_service_drafted_is_mended_by_the_editors(session: AsyncSession) -> None:
    town = (await make_town(session)).town
    editor = await make_person(session)
    await make_office(session, editor, "editor", town)
    made = await desk.write(
        session, kind="push", key="push:1:2026-11-24", org_id=town.id, author_id=None,
        body={"date": "2026-11-24", "text": "一"}, now=NOW,
    )  # fmt: skip
    await editorial.submit(session, manuscript_id=made.id, by_id=None, now=NOW)
    await editorial.review(
        session, manuscript_id=made.id, by_id=editor.id, decision="return", digest=made.digest,
        remarks="课名写错了", now=NOW,
    )  # fmt: skip
    wanted = select(Task).where(Task.state == "open")
    task = (await session.scalars(wanted)).one()
    assert (task.kind, task.role, task.org_id) == ("returned", "editor", town.id)
    assert "课名写错了" in task.text
    told = select(Letter.person_id).where(Letter.text.contains("课名写错了"))
    assert list(await session.scalars(told)) == [editor.id]
    await editorial.change(
        session, manuscript_id=made.id, body={"date": "2026-11-24", "text": "二"}, by_id=editor.id,
        now=NOW,
    )  # fmt: skip
    assert (await session.scalars(wanted)).one().id == task.id, "not yet submitted"
    await editorial.submit(session, manuscript_id=made.id, by_id=editor.id, now=NOW)
    assert (await session.scalars(wanted)).one().kind == "review"
    await session.refresh(task)
    assert (task.state, task.closed_by_id) == ("done", editor.id)

"""The desk as a table: every state with every action, and the law of the three reviews."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.editorial import desk, queries
from app.editorial.errors import (
    DigestStale,
    ManuscriptExists,
    ManuscriptNotFound,
    NotInThisState,
    RemarksNeeded,
    ReviewerNotIndependent,
)
from app.editorial.models import Manuscript
from app.editorial.rules import STATES
from tests.factories.editorial import article, issue, make_manuscript
from tests.factories.people import NOW, make_person, make_town

SAME = "the same"
Action = Callable[..., Awaitable[Manuscript]]
OPEN = ("draft", "first_review", "second_review", "final_review", "approved", "scheduled")
ACTIONS: dict[str, tuple[Action, dict[str, Any], dict[str, str]]] = {
    "change": (
        desk.change,
        {"by_id": None, "body": issue(article(title="反诈四问"))},
        dict.fromkeys(OPEN, "draft"),
    ),
    "submit": (desk.submit, {"by_id": None}, {"draft": "first_review", "first_review": SAME}),
    "approve": (
        desk.review,
        {"decision": "approve"},
        {
            "first_review": "second_review",
            "second_review": "final_review",
            "final_review": "approved",
        },
    ),
    "return": (
        desk.review,
        {"decision": "return", "remarks": "请改标题"},
        dict.fromkeys(("first_review", "second_review", "final_review"), "draft"),
    ),
    "schedule": (
        desk.schedule,
        {"by_id": None, "at": NOW + timedelta(days=1)},
        {"approved": "scheduled", "scheduled": "scheduled"},
    ),
    "begin": (desk.begin, {}, {"scheduled": "publishing", "publishing": SAME}),
    "settle": (
        desk.settle,
        {"state": "published", "outcome": {"urls": ["https://x"]}, "by_id": None},
        {
            "publishing": "published",
            "unknown": "published",
            "failed": "published",
            "published": SAME,
        },
    ),
    "withdraw": (
        desk.withdraw,
        {"by_id": None, "reason": "内容有误"},
        dict.fromkeys((*OPEN, "failed", "unknown"), "withdrawn") | {"withdrawn": SAME},
    ),
}


class Desk:
    """A town's desk: an author, three reviewers, and somebody who did nothing so far."""

    def __init__(self, session: AsyncSession, org_id: int, ids: list[int]) -> None:
        self.session, self.org_id = session, org_id
        self.author, self.first, self.other, self.last, self.fourth = ids

    async def make(self, state: str = "draft", **facts: Any) -> Manuscript:
        return await make_manuscript(
            self.session,
            state,
            org_id=self.org_id,
            author_id=self.author,
            reviewers=(self.first, self.other, self.last),
            now=NOW,
            **facts,
        )

    async def review(self, made: Manuscript, by_id: int, **facts: Any) -> Manuscript:
        usual = {"decision": "approve", "digest": made.digest, "remarks": "", **facts}
        return await desk.review(self.session, manuscript_id=made.id, by_id=by_id, now=NOW, **usual)

    async def steps(self, made: Manuscript) -> list[str]:
        return [one.step for one in await queries.list_steps(self.session, manuscript_id=made.id)]


@pytest.fixture
async def town(session: AsyncSession) -> Desk:
    town = (await make_town(session)).town
    ids = [(await make_person(session)).id for _ in range(5)]
    return Desk(session, town.id, ids)


@pytest.mark.parametrize("state", STATES)
async def test_every_state_with_every_action(town: Desk, state: str) -> None:
    for name, (action, facts, allowed) in ACTIONS.items():
        made = await town.make(state)
        before = await town.steps(made)
        given = dict(facts)
        if action is desk.review:
            given |= {"by_id": town.fourth, "digest": made.digest}
        if state not in allowed:
            with pytest.raises(NotInThisState) as refused:
                await action(town.session, manuscript_id=made.id, **given, now=NOW)
            assert refused.value.facts["state"] == state, name
            assert (made.state, await town.steps(made)) == (state, before), name
            continue
        after = await action(town.session, manuscript_id=made.id, **given, now=NOW)
        assert after.state == (state if allowed[state] == SAME else allowed[state]), name
        more = 0 if allowed[state] == SAME else 1
        assert len(await town.steps(made)) == len(before) + more, name


async def test_a_step_says_who_when_what_and_why(town: Desk) -> None:
    made = await town.make("first_review")
    later = NOW + timedelta(hours=2)
    await desk.review(
        town.session, manuscript_id=made.id, by_id=town.first, decision="return",
        digest=made.digest, remarks=" 第二段有错字 ", now=later,
    )  # fmt: skip
    step = (await queries.list_steps(town.session, manuscript_id=made.id))[-1]
    told = (step.step, step.decision, step.person_id, step.remarks, step.made_at)
    assert told == ("first_review", "return", town.first, "第二段有错字", later)
    assert (step.version, step.digest) == (1, made.digest)
    assert (step.from_state, step.to_state) == ("first_review", "draft")


async def test_reviews_need_three_people_none_of_them_an_author(town: Desk) -> None:
    made = await town.make("first_review")
    with pytest.raises(ReviewerNotIndependent):
        await town.review(made, town.author)
    await town.review(made, town.first)
    with pytest.raises(ReviewerNotIndependent):
        await town.review(made, town.first)
    await town.review(made, town.other)
    for twice in (town.first, town.other):
        with pytest.raises(ReviewerNotIndependent):
            await town.review(made, twice, decision="return", remarks="再看看")
    assert (await town.review(made, town.last)).state == "approved"


async def test_who_changed_it_is_an_author_too_and_who_was_merged_is_the_same(town: Desk) -> None:
    made = await town.make()
    await desk.change(
        town.session, manuscript_id=made.id, body=issue(article(title="另题")),
        by_id=town.first, now=NOW,
    )  # fmt: skip
    await desk.submit(town.session, manuscript_id=made.id, by_id=town.author, now=NOW)
    with pytest.raises(ReviewerNotIndependent):
        await town.review(made, town.first)
    with pytest.raises(ReviewerNotIndependent):
        await town.review(made, town.fourth, selves=[town.fourth, town.author])


async def test_sending_back_needs_remarks(town: Desk) -> None:
    made = await town.make("second_review")
    for remarks in ("", "改", "  改  "):
        with pytest.raises(RemarksNeeded):
            await town.review(made, town.other, decision="return", remarks=remarks)
    assert made.state == "second_review"
    with pytest.raises(RemarksNeeded):
        await desk.withdraw(
            town.session, manuscript_id=made.id, by_id=town.first, reason=" ", now=NOW
        )


async def test_a_change_voids_what_was_reviewed(town: Desk) -> None:
    made = await town.make("scheduled")
    old = made.digest
    await desk.change(
        town.session, manuscript_id=made.id, body=issue(article(title="另题")),
        by_id=town.author, now=NOW,
    )  # fmt: skip
    assert (made.state, made.version, made.scheduled_at) == ("draft", 2, None)
    assert made.digest != old
    await desk.submit(town.session, manuscript_id=made.id, by_id=town.author, now=NOW)
    assert made.round == 2
    with pytest.raises(DigestStale) as stale:
        await town.review(made, town.first, digest=old)
    assert stale.value.facts["digest"] == made.digest
    # Whoever approved the old content may review the new one.
    assert (await town.review(made, town.first)).state == "second_review"
    first = await queries.body_of(town.session, manuscript_id=made.id, version=1)
    assert first["articles"][0]["title"] == "反诈三问"


async def test_the_same_content_is_no_change(town: Desk) -> None:
    made = await town.make("approved")
    same = await desk.change(
        town.session, manuscript_id=made.id, body=issue(), by_id=town.author,
        based_on="0" * 64, now=NOW,
    )  # fmt: skip
    assert (same.state, same.version) == ("approved", 1)


async def test_a_change_made_on_old_content_loses_nothing(town: Desk) -> None:
    made = await town.make()
    old = made.digest
    await desk.change(
        town.session, manuscript_id=made.id, body=issue(article(title="甲改的")),
        by_id=town.first, based_on=old, now=NOW,
    )  # fmt: skip
    with pytest.raises(DigestStale):
        await desk.change(
            town.session, manuscript_id=made.id, body=issue(article(title="乙改的")),
            by_id=town.other, based_on=old, now=NOW,
        )  # fmt: skip
    body = await queries.body_of(town.session, manuscript_id=made.id)
    assert body["articles"][0]["title"] == "甲改的"


async def test_one_key_is_one_manuscript(town: Desk) -> None:
    asked: dict[str, Any] = {"kind": "push", "key": "push:1:2026-11-24", "org_id": town.org_id}
    asked |= {"author_id": None, "now": NOW}
    first = await desk.write(town.session, **asked, body={"text": "一"})
    assert (await desk.write(town.session, **asked, body={"text": "一"})).id == first.id
    with pytest.raises(ManuscriptExists):
        await desk.write(town.session, **asked, body={"text": "二"})
    with pytest.raises(ManuscriptExists):
        await desk.write(town.session, **{**asked, "kind": "issue"}, body={"text": "一"})
    await desk.change(
        town.session, manuscript_id=first.id, body={"text": "三"}, by_id=town.first, now=NOW
    )
    # The planner that asks again finds what people made of it.
    assert (await desk.write(town.session, **asked, body={"text": "一"})).version == 2


@pytest.mark.parametrize("state", ["failed", "unknown"])
async def test_only_a_person_tries_again_what_failed_or_is_in_doubt(town: Desk, state: str) -> None:
    made = await town.make(state)
    at: datetime = NOW + timedelta(days=1)
    await desk.schedule(
        town.session, manuscript_id=made.id, by_id=town.last, at=at, remarks="已核对后台", now=NOW
    )
    assert (made.state, made.scheduled_at, made.outcome) == ("scheduled", at, None)
    assert (await town.steps(made))[-1] == "schedule"


async def test_a_review_meant_for_another_step_is_refused(town: Desk) -> None:
    made = await town.make("second_review")
    with pytest.raises(NotInThisState):
        await town.review(made, town.fourth, step="first_review")


async def test_the_unique_keys_say_it_too(town: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await town.make("second_review")

    async def nobody(*_: object, **__: object) -> set[int]:
        return set()

    monkeypatch.setattr(desk, "approvers_of", nobody)
    with pytest.raises(ReviewerNotIndependent):
        await town.review(made, town.first)


@pytest.mark.parametrize("table", ["manuscript_step", "manuscript_version"])
async def test_history_cannot_be_rewritten(town: Desk, table: str) -> None:
    await town.make("approved")
    with pytest.raises(DBAPIError):
        await town.session.execute(text(f"UPDATE {table} SET digest = 'x'"))  # noqa: S608


async def test_what_is_not_there(town: Desk) -> None:
    for asked in (
        queries.get(town.session, 10**12),
        queries.body_of(town.session, manuscript_id=10**12),
        desk.submit(town.session, manuscript_id=10**12, by_id=None, now=NOW),
    ):
        with pytest.raises(ManuscriptNotFound):
            await asked


async def test_lists_come_in_pages_the_newest_first(town: Desk) -> None:
    made = [(await town.make(state)).id for state in ("draft", "approved", "draft", "draft")]
    await town.make("draft", kind="push")
    asked: dict[str, Any] = {"kind": "issue", "org_ids": [town.org_id], "states": ("draft",)}
    first = await queries.list_manuscripts(town.session, **asked, limit=2)
    assert [one.id for one in first.items] == [made[3], made[2]]
    rest = await queries.list_manuscripts(town.session, **asked, cursor=first.next, limit=2)
    assert ([one.id for one in rest.items], rest.next) == ([made[0]], None)
    assert (await queries.list_manuscripts(town.session, kind="issue", org_ids=[])).items == []

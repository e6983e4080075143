"""What is heard, or done, when everybody has gone on: doubts, decisions, a process that slept."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import clock
from app.core.errors import DomainError, Unavailable
from app.core.settings import get_settings
from app.editorial import desk, pictures
from app.editorial.models import Manuscript
from app.flows import publishing, publishing_records, settling, week_watch, weekly_issue
from app.flows.asking import DECIDE_WITHIN
from app.flows.publishing_records import Told
from app.flows.weekly_issue import DecideFirst
from app.people.models import Person
from app.push import plans
from app.push.models import Letter, Publication, Task
from app.push.outcomes import meaning_of
from app.push.steps import AddDraft, FindPublished, Step
from app.wechat import kinds
from tests.factories.editorial import article, issue, picture
from tests.factories.people import NOW, make_office, make_person, make_town

HOUR = timedelta(hours=1)
WHERE = "https://mp.weixin.qq.com/s/1"


class Desk:
    """One issue of the town in doubt, below HTTP."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.outlet = weekly_issue.outlet()
        self.people: dict[str, Person] = {}

    async def issue(self, method: str, state: str, **facts: Any) -> tuple[Manuscript, Publication]:
        """With its publication in this state; the manuscript follows from it."""
        plan = await plans.plan_of(self.session, outlet=self.outlet)
        made = await desk.write(
            self.session, kind="issue", key="issue:1", org_id=plan.org_id, author_id=None,
            body=issue(), now=NOW,
        )  # fmt: skip
        made.state = "unknown" if state == "unknown" else "publishing"
        made.scheduled_at = NOW
        usual = {"claimed_at": NOW, "made_at": NOW, "urls": [], "version": 1, "next_at": None}
        found = Publication(
            manuscript_id=made.id, appid=self.outlet.appid, method=method, state=state,
            **{**usual, **facts},
        )  # fmt: skip
        self.session.add(found)
        await self.session.flush()
        return made, found

    async def next_step(self, made: Manuscript, now: datetime) -> Step | None:
        return await publishing.next_step(
            self.session, manuscript_id=made.id, outlet=self.outlet, now=now
        )

    async def record(self, made: Manuscript, step: Step, answer: Any, now: datetime) -> None:
        facts: dict[str, Any] = {"manuscript_id": made.id, "outlet": self.outlet, "step": step}
        if isinstance(answer, DomainError):
            await publishing_records.record_error(self.session, **facts, error=answer, now=now)
        else:
            await publishing_records.record(self.session, **facts, answer=answer, now=now)

    async def hear(self, now: datetime, *, status: int = 0) -> None:
        """That somebody's publication ended."""
        told = kinds.PublishFinished(
            appid=self.outlet.appid, account_id="g", openid="o", created_at=now, key="k",
            unionid=None, publish_id="other", status=status, article_id="a", urls=(WHERE,),
            failed_indexes=(),
        )  # fmt: skip
        await weekly_issue.hear_publish_finished(self.session, message=told, now=now)

    async def hear_mass(self, now: datetime, status: str = "send success") -> None:
        told = kinds.MassSendFinished(
            appid=self.outlet.appid, account_id="g", openid="o", created_at=now, key="k",
            unionid=None, msg_id="77", status=status, total=1, filtered=0, sent=1, errors=0,
            urls=(WHERE,),
        )  # fmt: skip
        await weekly_issue.hear_mass_finished(self.session, message=told, now=now)

    async def watch(self, now: datetime) -> None:
        await week_watch.watch_week(self.session, outlet=self.outlet, now=now)

    async def open_tasks(self) -> list[tuple[str, str | None]]:
        rows = select(Task.kind, Task.role).where(Task.state == "open").order_by(Task.id)
        return [(kind, role) for kind, role in await self.session.execute(rows)]


@pytest.fixture
async def room(session: AsyncSession, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("SHOUSHAN_TOWN_CODE", "town")
    get_settings.cache_clear()
    town = (await make_town(session)).town
    opened = Desk(session)
    for role in ("editor", "chief_editor", "admin"):
        opened.people[role] = await make_person(session)
        await make_office(session, opened.people[role], role, town)
    return opened


async def give_up(room: Desk, made: Manuscript, now: datetime) -> None:
    await weekly_issue.decide(
        room.session, manuscript_id=made.id, by_id=room.people["editor"].id, decision="give_up",
        reason="没看到", now=now,
    )  # fmt: skip


async def test_given_up_and_published_all_the_same(room: Desk) -> None:
    made, _ = await room.issue("mass", "unknown", job_id="77", submitted_at=NOW)
    await give_up(room, made, NOW + 25 * HOUR)
    later = NOW + 26 * HOUR
    await room.hear_mass(later)
    assert await room.next_step(made, later) is None
    assert (made.state, (made.outcome or {})["urls"]) == ("published", [WHERE])
    assert await room.open_tasks() == [("publish_late", "chief_editor")]
    chief = select(Letter.text).where(Letter.person_id == room.people["chief_editor"].id)
    assert "其实已经发表" in (await room.session.scalars(chief)).one()
    plan = await plans.plan_of(room.session, outlet=room.outlet)
    calendar = await plans.calendar_of(
        room.session, outlet=room.outlet, plan=plan, since=clock.local_day(NOW)
    )
    assert len(calendar.taken) == 1, "its place in the week is taken"


async def test_given_up_and_failed_it_stays_given_up(room: Desk) -> None:
    made, _ = await room.issue("mass", "unknown", job_id="77", submitted_at=NOW)
    await give_up(room, made, NOW + 25 * HOUR)
    await room.hear_mass(NOW + 26 * HOUR, "send fail")
    await room.next_step(made, NOW + 26 * HOUR)
    assert (made.state, await room.open_tasks()) == ("withdrawn", [])


@pytest.mark.parametrize("given_up", [False, True])
@pytest.mark.parametrize("found", [False, True])
async def test_somebodys_article_is_ours_only_if_it_is_found(
    room: Desk, found: bool, given_up: bool
) -> None:
    made, publication = await room.issue("freepublish", "unknown")
    if given_up:
        await give_up(room, made, NOW + HOUR)
    later = NOW + timedelta(days=3)
    await room.hear(later)
    step = await room.next_step(made, later)
    assert isinstance(step, FindPublished)
    assert (made.outcome, publication.job_id) == (None, None), "nothing is believed unseen"
    await room.record(made, step, Told("0", (WHERE,), "a") if found else None, later)
    before = "withdrawn" if given_up else "unknown"
    assert made.state == ("published" if found else before)
    assert publication.next_at is None
    assert await room.next_step(made, later + HOUR) is None


async def test_news_between_a_retry_and_its_hour_does_not_stop_it(room: Desk) -> None:
    made, publication = await room.issue("freepublish", "unknown", draft_media_id="d")
    await weekly_issue.decide(
        room.session, manuscript_id=made.id, by_id=room.people["editor"].id, decision="retry",
        reason="没有发出", now=NOW,
    )  # fmt: skip
    await room.hear(NOW)
    await room.next_step(made, NOW)
    assert (made.state, publication.attempt) == ("publishing", 1)
    assert publication.state in {"drafted", "submitting"}


async def test_a_failure_is_ours_only_soon_and_only_if_nothing_is_found(room: Desk) -> None:
    made, publication = await room.issue("freepublish", "submitting", next_at=NOW)
    await room.hear(NOW, status=4)
    step = await room.next_step(made, NOW + timedelta(minutes=5))
    assert isinstance(step, FindPublished), "looked for before anything is believed"
    await room.record(made, step, None, NOW + timedelta(minutes=5))
    assert publication.next_at is not None
    await room.next_step(made, publication.next_at)
    assert made.state == "failed"


async def test_a_failure_of_another_day_is_not_ours(room: Desk) -> None:
    made, publication = await room.issue(
        "freepublish", "submitting", status="not found", checks=1, next_at=NOW
    )
    await room.hear(NOW + HOUR, status=4)
    await room.next_step(made, NOW + HOUR)
    assert (made.state, publication.job_id) == ("unknown", None)


async def test_on_a_fast_clock_one_looks_before_one_despairs(room: Desk) -> None:
    """The claim is lost five hours later; the patience of two is over by then."""
    made, publication = await room.issue("freepublish", "submitting", next_at=NOW, checks=3)
    later = NOW + 5 * HOUR
    step = await room.next_step(made, later)
    assert isinstance(step, FindPublished)
    await room.record(made, step, Unavailable(), later)
    assert publication.next_at is not None
    assert await room.next_step(made, publication.next_at) is None
    assert made.state == "unknown"


@pytest.mark.parametrize("answer", ["old-draft", Unavailable()])
async def test_who_slept_through_a_change_brings_no_draft(room: Desk, answer: object) -> None:
    made, publication = await room.issue("mass", "preparing", next_at=NOW, version=2)
    made.version = 2
    await room.record(made, AddDraft(1, ()), answer, NOW)
    assert (publication.state, publication.draft_media_id) == ("preparing", None)
    assert (publication.checks, publication.next_at) == (0, NOW)
    await room.record(made, AddDraft(2, ()), "new-draft", NOW)
    assert publication.draft_media_id == "new-draft"


async def test_what_is_in_doubt_is_not_simply_scheduled_again(room: Desk) -> None:
    made, _ = await room.issue("mass", "unknown")
    for state in ("unknown", "failed"):
        made.state = state
        with pytest.raises(DecideFirst):
            await weekly_issue.schedule(
                room.session, manuscript_id=made.id, by_id=room.people["editor"].id,
                at=NOW + HOUR, now=NOW,
            )  # fmt: skip


@pytest.mark.parametrize("kind", ["publish_doubt", "publish_failed"])
async def test_an_overdue_decision_comes_before_the_administrators(room: Desk, kind: str) -> None:
    made, publication = await room.issue("mass", "submitted", submitted_at=NOW, job_id="77")
    way = settling.Way(made, publication, room.outlet)
    if kind == "publish_doubt":
        await settling.doubt(room.session, way, "没有结果", now=NOW)
    else:
        await settling.fail(room.session, way, meaning_of("mass", "send fail"), now=NOW)
    told = select(Letter.text).where(
        Letter.person_id == room.people["admin"].id, Letter.key.startswith("overdue:")
    )
    await room.watch(NOW + DECIDE_WITHIN - HOUR)
    assert list(await room.session.scalars(told)) == []
    for _ in range(2):
        await room.watch(NOW + DECIDE_WITHIN)
    assert len(list(await room.session.scalars(told))) == 1


async def test_a_text_to_be_copied_names_its_pictures_by_whole_addresses(
    room: Desk, tmp_path: Path
) -> None:
    made, publication = await room.issue("hand", "drafted")
    facts: dict[str, Any] = {"directory": tmp_path, "uploaded_by_id": None}
    upload = await pictures.store(room.session, content=picture(), **facts, now=NOW)
    url = pictures.url_of(upload)
    body = issue(
        article(cover=upload.id, markdown=f"![图]({url})\n\n[别处](https://a.example{url})")
    )
    made.state = "approved"
    await desk.change(room.session, manuscript_id=made.id, body=body, by_id=None, now=NOW)
    made.state, publication.version = "publishing", made.version
    way = settling.Way(made, publication, room.outlet)
    await settling.hand_over(room.session, way, "由人发表", now=NOW)
    text = (await room.session.scalars(select(Task.text))).one()
    whole = f"{room.outlet.base_url}{url}"
    assert f"【封面】{whole}\n" in text
    assert f"![图]({whole})" in text
    assert f"(https://a.example{url})" in text

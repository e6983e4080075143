"""What becomes of an issue, what a person is told of it, and what the person decides."""

from datetime import timedelta

import pytest

from app.core import clock
from app.core.clock import local_day
from app.core.db import transaction
from app.editorial.errors import NotInThisState
from app.flows import weekly_issue
from app.flows.weekly_issue import Decision
from app.push import quotas
from app.sandbox.faults import Fault
from app.sandbox.mass import decide as administrator
from app.sandbox.mass import finish_mass, make_mass
from app.sandbox.press import BANNED, Draft, FinishEvent
from app.sandbox.publications import finish_publication
from app.sandbox.tokens import expire_tokens
from tests.publishing.conftest import Opens
from tests.publishing.newsroom import SUBMIT, TUESDAY, Newsroom

DAY = timedelta(days=1)


async def decide(newsroom: Newsroom, issue_id: int, decision: Decision, **facts: str) -> None:
    async with transaction() as session:
        await weekly_issue.decide(
            session,
            manuscript_id=issue_id,
            by_id=newsroom.editor.id,
            decision=decision,
            reason="核对过了",
            **facts,
            now=clock.utcnow(),
        )


async def kinds(newsroom: Newsroom, issue_id: int) -> list[str]:
    return [task.kind for task in await newsroom.tasks(issue_id)]


@pytest.mark.parametrize("method", ["mass", "freepublish"])
async def test_the_event_comes_early_twice_once_or_never(open_newsroom: Opens, method: str) -> None:
    events: tuple[FinishEvent, ...] = ("before_answer", "twice", "once", "never")
    async with open_newsroom(publish_by=method) as newsroom:
        for event in events:
            begun = newsroom.next_week()
            newsroom.press.knobs.finish_event = event
            issue_id = await newsroom.write()
            await newsroom.finish(issue_id)
            found = await newsroom.publication(issue_id)
            assert (found.state, len(newsroom.posts)) == ("published", 1), event
            polled = found.settled_at is not None and found.settled_at - begun > DAY / 24 / 60
            assert polled == (event == "never")
            assert await kinds(newsroom, issue_id) == []
            outcome = (await newsroom.manuscript(issue_id)).outcome or {}
            told = method == "freepublish" or event != "never"
            assert len(outcome["urls"]) == told, "message/mass/get tells no address"


async def test_what_becomes_of_a_publication(open_newsroom: Opens) -> None:
    reasons = {2: "原创校验不通过", 3: "常规失败", 4: "平台审核不通过"}
    async with open_newsroom(publish_by="freepublish") as newsroom:
        for status, reason in reasons.items():
            newsroom.next_week()
            newsroom.press.knobs.next_publish_status = status
            issue_id = await newsroom.write()
            await newsroom.finish(issue_id)
            assert await newsroom.state(issue_id) == "failed"
            [task] = await newsroom.tasks(issue_id)
            assert (task.kind, task.person_id) == ("publish_failed", newsroom.editor.id)
            assert reason in task.text
            assert newsroom.posts == []
        # The last one, again: another attempt with another draft.
        await decide(newsroom, issue_id, "retry")
        await newsroom.finish(issue_id)
        assert await newsroom.state(issue_id) == "published"
        assert await kinds(newsroom, issue_id) == []
        # And taken away by the platform afterwards.
        [*_, publication] = newsroom.press.publications.values()
        publication.status, publication.outcome = 1, BANNED
        await finish_publication(newsroom.service.world, publication)
        await newsroom.drive(issue_id)
        await newsroom.drive(issue_id)
        assert await newsroom.state(issue_id) == "published"
        outcome = (await newsroom.manuscript(issue_id)).outcome or {}
        assert outcome["afterwards"] == "发表后，文章被微信封禁"
        [task] = await newsroom.tasks(issue_id)
        assert task.role == "chief_editor"


async def test_what_becomes_of_a_mass_send(newsroom: Newsroom) -> None:
    for status, reason in (
        ("err(20013)", "版权"),
        ("err(30003)", "转载"),
        ("send fail", "群发失败"),
    ):
        newsroom.next_week()
        newsroom.press.knobs.next_mass_status = status
        issue_id = await newsroom.write()
        await newsroom.finish(issue_id)
        assert await newsroom.state(issue_id) == "failed"
        [task] = await newsroom.tasks(issue_id)
        assert reason in task.text


async def test_the_administrators_no_and_silence(newsroom: Newsroom) -> None:
    world = newsroom.service.world
    for answer, reason in ((False, "拒绝"), (None, "30 分钟")):
        newsroom.next_week()
        newsroom.press.knobs.admin_confirms = True
        issue_id = await newsroom.write()
        await newsroom.drive(issue_id)
        [mass] = newsroom.press.masses.values()
        if answer is not None:
            await administrator(world, mass, confirm=answer)
        await newsroom.finish(issue_id)
        assert await newsroom.state(issue_id) == "failed"
        [task] = await newsroom.tasks(issue_id)
        assert reason in task.text
        assert newsroom.posts == []
    # With the administrator at hand it goes out: another clientmsgid, the same day.
    newsroom.press.knobs.admin_confirms = False
    await decide(newsroom, issue_id, "retry")
    await newsroom.finish(issue_id)
    assert (await newsroom.state(issue_id), len(newsroom.posts)) == ("published", 1)


async def test_a_job_that_never_ends_is_for_a_person(open_newsroom: Opens) -> None:
    async with open_newsroom(publish_by="freepublish") as newsroom:
        newsroom.next_week()
        newsroom.press.knobs.next_publish_status = 1
        issue_id = await newsroom.write()
        await newsroom.finish(issue_id)
        assert await newsroom.state(issue_id) == "unknown"
        assert await kinds(newsroom, issue_id) == ["publish_doubt"]
        assert clock.utcnow() - TUESDAY > DAY
        # It does end, a day later: news that nobody waited for is still news.
        [publication] = newsroom.press.publications.values()
        publication.outcome = 0
        await finish_publication(newsroom.service.world, publication)
        await newsroom.drive(issue_id)
        assert await newsroom.state(issue_id) == "published"
        assert await kinds(newsroom, issue_id) == []


async def test_a_person_decides_about_a_doubt(open_newsroom: Opens) -> None:
    async with open_newsroom(publish_by="freepublish") as newsroom:

        async def in_doubt() -> int:
            newsroom.next_week()
            issue_id = await newsroom.write()
            newsroom.service.world.faults.waiting += [
                Fault(SUBMIT["freepublish"], "reset", 1),
                Fault("/cgi-bin/freepublish/batchget", "errcode", 1000, errcode=45009),
            ]
            newsroom.press.knobs.finish_event = "never"
            await newsroom.finish(issue_id)
            newsroom.service.world.faults.waiting.clear()
            assert await newsroom.state(issue_id) == "unknown"
            return issue_id

        issue_id = await in_doubt()
        for _ in range(2):
            await decide(newsroom, issue_id, "published", url="https://mp.weixin.qq.com/s/x")
        manuscript = await newsroom.manuscript(issue_id)
        assert manuscript.state == "published"
        assert (manuscript.outcome or {})["urls"] == ["https://mp.weixin.qq.com/s/x"]

        issue_id = await in_doubt()
        await decide(newsroom, issue_id, "give_up")
        assert await newsroom.state(issue_id) == "withdrawn"
        with pytest.raises(NotInThisState):
            await decide(newsroom, issue_id, "retry")

        # It had gone out: the draft is gone, so the platform refuses what the person asks for.
        issue_id = await in_doubt()
        await decide(newsroom, issue_id, "retry")
        await newsroom.finish(issue_id)
        assert (await newsroom.state(issue_id), len(newsroom.posts)) == ("failed", 1)
        [task] = await newsroom.tasks(issue_id)
        assert "草稿已不在草稿箱" in task.text


async def test_a_token_that_ends_in_the_middle(newsroom: Newsroom) -> None:
    world = newsroom.service.world
    account = world.get_account(newsroom.service.settings.wechat.oa.appid)
    real = newsroom.press.drafts

    class Expiring(dict[str, object]):
        def __setitem__(self, key: str, value: object) -> None:
            super().__setitem__(key, value)
            expire_tokens(world, account, dead=True)

    newsroom.press.drafts = Expiring(real)  # type: ignore[assignment]  # the box, with a trap
    issue_id = await newsroom.write()
    await newsroom.finish(issue_id)
    assert (await newsroom.state(issue_id), len(newsroom.posts)) == ("published", 1)


async def test_no_token_for_a_while_puts_nothing_in_doubt(newsroom: Newsroom) -> None:
    fault = Fault("/cgi-bin/stable_token", "html502", 1)
    newsroom.service.world.faults.waiting.append(fault)
    issue_id = await newsroom.write()
    await newsroom.finish(issue_id)
    assert (await newsroom.state(issue_id), len(newsroom.posts)) == ("published", 1)


async def test_a_platform_that_is_in_the_way_for_hours(newsroom: Newsroom) -> None:
    for path in ("/cgi-bin/draft/add", SUBMIT["mass"]):
        newsroom.next_week()
        fault = Fault(path, "errcode", 1000, errcode=45009)
        newsroom.service.world.faults.waiting.append(fault)
        issue_id = await newsroom.write()
        await newsroom.finish(issue_id)
        assert await newsroom.state(issue_id) == "failed"
        [task] = await newsroom.tasks(issue_id)
        assert "调用次数已用完" in task.text


async def test_a_cover_that_somebody_tidied_away_is_uploaded_again(newsroom: Newsroom) -> None:
    await newsroom.finish(await newsroom.write())
    newsroom.next_week()
    newsroom.press.materials.clear()
    issue_id = await newsroom.write()
    await newsroom.finish(issue_id)
    assert (await newsroom.state(issue_id), len(newsroom.posts)) == ("published", 1)


async def test_a_mass_send_made_by_hand_used_the_day(newsroom: Newsroom) -> None:
    """45028 in spite of our own counting: the issue goes out at the same hour of the next day."""
    begun = clock.utcnow()
    await by_hand(newsroom)
    issue_id = await newsroom.write(at=begun)
    await newsroom.drive(issue_id)
    manuscript = await newsroom.manuscript(issue_id)
    assert (manuscript.state, manuscript.scheduled_at) == ("scheduled", begun + DAY)
    await newsroom.finish(issue_id)
    assert (await newsroom.state(issue_id), len(newsroom.posts)) == ("published", 2)
    assert len(newsroom.press.masses) == 2


async def by_hand(newsroom: Newsroom) -> None:
    """Somebody mass-sends in the console."""
    draft = Draft("by-hand", [], clock.utcnow(), clock.utcnow())
    mass = make_mass(newsroom.service.world, draft, "", to_all=True, tag_id=None)
    mass.by_hand, mass.state = True, "sending"
    await finish_mass(newsroom.service.world, mass, "send success")


async def test_the_fifth_mass_send_of_a_month(open_newsroom: Opens) -> None:
    """A service account publishes it instead, unless the operator wants mass sends only."""
    async with open_newsroom("service") as newsroom:
        begun = newsroom.next_week()
        async with transaction() as session:
            for n in range(4):
                day = local_day(begun) - n * DAY
                await quotas.note_by_hand(
                    session, appid=weekly_issue.outlet().appid, day=day, now=begun
                )
        issue_id = await newsroom.write()
        await newsroom.finish(issue_id)
        found = await newsroom.publication(issue_id)
        assert (found.method, found.state) == ("freepublish", "published")


async def test_the_month_is_used_up_without_our_knowing(open_newsroom: Opens) -> None:
    async with open_newsroom("service", publish_by="mass") as newsroom:
        begun = newsroom.next_week()
        async with transaction() as session:
            for n in range(1, 4):
                await quotas.note_by_hand(
                    session,
                    appid=weekly_issue.outlet().appid,
                    day=local_day(begun) - n * DAY,
                    now=begun,
                )
        await by_hand(newsroom)
        issue_id = await newsroom.write()
        await newsroom.drive(issue_id)
        assert await newsroom.state(issue_id) == "failed"
        [task] = await newsroom.tasks(issue_id)
        assert "改用发布或下月再发" in task.text

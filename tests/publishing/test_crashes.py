"""The crash table: kill -9 between any two steps of publishing → what followers saw.

Exactly one issue, or none and a person who is asked; never two.
"""

import asyncio
from collections import Counter

import pytest

from app.core import clock
from app.flows import publishing as steps
from app.push.steps import Submit
from app.sandbox import jobs
from app.sandbox.faults import Fault, FaultKind
from app.worker import publishing
from tests.api.service import set_clock
from tests.publishing.conftest import Opens
from tests.publishing.newsroom import SUBMIT, Fate, Killed, Newsroom

METHODS = ("mass", "freepublish", "hand")
STEPS = {
    "mass": ["UploadPicture", "AddDraft", "Submit"],
    # A picture goes the same way, so here it is known already.
    "freepublish": ["AddDraft", "Submit"],
    "hand": ["AddDraft"],
}
DRAFT = "/cgi-bin/draft/add"
PLAIN = {"markdown": "先问一问。"}


async def die(newsroom: Newsroom, issue_id: int, kill_at: int | None) -> Fate:
    """Drive until the n-th point; the process is gone then, and nothing of it is left."""
    fate = Fate(kill_at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing, "transaction", fate.transaction())
        patch.setattr(publishing, "perform", fate.perform())
        if kill_at is None:
            await newsroom.drive(issue_id)
        else:
            with pytest.raises(Killed):
                await newsroom.drive(issue_id)
    return fate


async def finish(newsroom: Newsroom, issue_id: int, method: str) -> tuple[str, int, list[str]]:
    """(state, issues that followers saw, what a person is asked) when all is over."""
    await newsroom.finish(issue_id, hours=0.2 if method == "hand" else 30)
    asked = [task.kind for task in await newsroom.tasks(issue_id)]
    return await newsroom.state(issue_id), len(newsroom.posts), asked


@pytest.mark.parametrize("method", METHODS)
async def test_whenever_the_driver_dies_followers_see_one_issue(
    open_newsroom: Opens, method: str
) -> None:
    async with open_newsroom(publish_by=method) as newsroom:
        for _ in range(2):
            newsroom.next_week()
            if method == "mass":
                await newsroom.forget_pictures()
            points = (await die(newsroom, await newsroom.write(PLAIN), None)).passed
        # Of each step: the claim's commit, before and after; the call; the record's commit.
        called = [point.removeprefix("after ") for point in points if "commit" not in point]
        assert called == STEPS[method]
        ends: dict[str, tuple[str, int, list[str]]] = {}
        for kill_at, point in enumerate(points):
            newsroom.next_week()
            if method == "mass":
                await newsroom.forget_pictures()
            issue_id = await newsroom.write(PLAIN)
            await die(newsroom, issue_id, kill_at)
            ends[f"{kill_at} {point}"] = await finish(newsroom, issue_id, method)
        usual = ("publishing", 0, ["publish_by_hand"]) if method == "hand" else ("published", 1, [])
        odd = {point: end for point, end in ends.items() if end != usual}
        if method == "freepublish":
            # Claimed and committed, but the call was never made: nobody but a person can know.
            claim = points.index("after Submit") - 1
            assert odd == {f"{claim} after the commit": ("unknown", 0, ["publish_doubt"])}
        else:
            assert odd == {}


@pytest.mark.parametrize("method", ["mass", "freepublish"])
async def test_an_answer_that_is_lost_after_the_deed(open_newsroom: Opens, method: str) -> None:
    """The platform did it; the answer of each call in turn gets lost, in one way or another."""
    submit = SUBMIT[method]
    lost: list[tuple[str, FaultKind]] = [
        ("/cgi-bin/media/uploadimg", "reset"),
        ("/cgi-bin/material/add_material", "html502"),
        (DRAFT, "truncated"),
        (submit, "reset"),
        (submit, "html502"),
        (submit, "truncated"),
    ]
    async with open_newsroom(publish_by=method) as newsroom:
        for path, kind in lost:
            newsroom.next_week()
            await newsroom.forget_pictures()
            newsroom.service.world.faults.waiting.append(Fault(path, kind, 1))
            issue_id = await newsroom.write()
            await newsroom.drive(issue_id)
            assert newsroom.service.world.faults.waiting == [], "it hit"
            end = await finish(newsroom, issue_id, method)
            assert end == ("published", 1, []), path


async def test_a_lost_mass_send_is_repeated_with_its_own_key(newsroom: Newsroom) -> None:
    newsroom.press.knobs.finish_event = "never"
    newsroom.service.world.faults.waiting.append(Fault(SUBMIT["mass"], "reset", 3))
    issue_id = await newsroom.write()
    await newsroom.finish(issue_id)
    assert await newsroom.state(issue_id) == "published"
    assert newsroom.calls_of(SUBMIT["mass"]) == 4
    [mass] = newsroom.press.masses.values()
    assert mass.client_msg_id == f"issue-{issue_id}-1-0"


async def test_after_a_day_no_mass_send_is_repeated(newsroom: Newsroom) -> None:
    """The platform remembers a key for 24 hours only."""
    newsroom.press.knobs.finish_event = "never"
    newsroom.service.world.faults.waiting.append(Fault(SUBMIT["mass"], "reset", 1))
    issue_id = await newsroom.write()
    await newsroom.drive(issue_id)
    await jobs.settle(newsroom.service.world)
    newsroom.service.forward(hours=24)
    assert await finish(newsroom, issue_id, "mass") == ("unknown", 1, ["publish_doubt"])
    assert newsroom.calls_of(SUBMIT["mass"]) == 1


async def test_a_publication_in_doubt_that_never_comes_to_light(open_newsroom: Opens) -> None:
    """Reset before the platform did anything: looked for during half an hour, never repeated."""
    async with open_newsroom(publish_by="freepublish") as newsroom:
        begun = newsroom.next_week()
        issue_id = await newsroom.write()
        newsroom.press.knobs.next_publish_status = 3
        newsroom.press.knobs.finish_event = "never"
        newsroom.service.world.faults.waiting.append(Fault(SUBMIT["freepublish"], "reset", 1))
        assert await finish(newsroom, issue_id, "freepublish") == ("unknown", 0, ["publish_doubt"])
        assert 30 * 60 <= (clock.utcnow() - begun).total_seconds() < 3600
        assert newsroom.calls_of(SUBMIT["freepublish"]) == 1


async def test_a_job_that_ends_without_an_owner_is_the_one_in_doubt(open_newsroom: Opens) -> None:
    """The answer is lost and the article is not to be found, but the event tells of its end."""
    async with open_newsroom(publish_by="freepublish") as newsroom:
        newsroom.next_week()
        issue_id = await newsroom.write()
        newsroom.press.knobs.next_publish_status = 4
        newsroom.service.world.faults.waiting.append(Fault(SUBMIT["freepublish"], "reset", 1))
        assert await finish(newsroom, issue_id, "freepublish") == ("failed", 0, ["publish_failed"])
        outcome = (await newsroom.manuscript(issue_id)).outcome or {}
        assert outcome["reason"] == "平台审核不通过"


@pytest.mark.parametrize("method", METHODS)
async def test_one_issue_driven_by_several_workers_at_once(
    open_newsroom: Opens, method: str
) -> None:
    async with open_newsroom(publish_by=method) as newsroom:
        for _ in range(2):
            newsroom.next_week()
            await newsroom.forget_pictures()
            issue_id = await newsroom.write()
            await asyncio.gather(*(newsroom.drive(issue_id) for _ in range(4)))
            state, posts, asked = await finish(newsroom, issue_id, method)
            if method == "hand":
                assert (state, posts, asked) == ("publishing", 0, ["publish_by_hand"])
            else:
                assert (state, posts, asked) == ("published", 1, [])
        paths = Counter(call.path for call in newsroom.service.world.calls)
        assert paths[DRAFT] == 2, "not even a draft was made twice"


async def test_a_worker_that_slept_between_claim_and_call_lets_it_be(newsroom: Newsroom) -> None:
    """By then another one may have decided that it is dead."""
    issue_id = await newsroom.write()
    real = steps.next_step

    async def next_step(*given: object, **named: object) -> object:
        step = await real(*given, **named)  # type: ignore[arg-type]  # handed through
        if isinstance(step, Submit):
            set_clock(step.before)
        return step

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "next_step", next_step)
        await newsroom.drive(issue_id)
    assert newsroom.calls_of(SUBMIT["mass"]) == 0
    assert await finish(newsroom, issue_id, "mass") == ("published", 1, [])

"""An issue over HTTP: three reviews by three people, and whatever must not get through."""

import asyncio
from typing import Any

import pytest

from app.core.db import transaction
from app.core.settings import get_settings
from app.editorial import desk
from app.editorial.models import Manuscript
from app.people.offices import grant
from app.people.queries import org_by_code
from tests.api.newsroom import Newsroom, open_newsroom, send_picture
from tests.api.service import MORNING, Service


@pytest.fixture(autouse=True)
def our_town(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOUSHAN_TOWN_CODE", "T")
    get_settings.cache_clear()


@pytest.fixture
async def room(service: Service) -> Newsroom:
    return await open_newsroom(service)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def test_three_people_review_it_and_then_it_has_a_time(room: Newsroom) -> None:
    issue = await room.begin(title="反诈三问")
    assert (issue["state"], issue["version"], issue["problems"]) == ("draft", 1, [])
    issue = await room.approve(issue)
    assert issue["state"] == "approved"
    assert [(one["step"], one["person"]["id"]) for one in issue["reviews"]] == [
        ("first_review", room.editor.id),
        ("second_review", room.chief.id),
        ("final_review", room.admin.id),
    ]
    assert all(one["counts"] and one["digest"] == issue["digest"] for one in issue["reviews"])
    at = {"at": "2026-11-24T18:00:00+08:00"}
    path = f"/issues/{issue['id']}/schedule"
    assert code(await room.service.call("POST", path, room.tutor, json=at))[0] == 403
    told = await room.service.ask("POST", path, room.editor, json=at)
    assert (told["state"], told["scheduled_at"]) == ("scheduled", "2026-11-24T10:00:00Z")
    shown = await room.service.ask("GET", f"/issues/{issue['id']}", room.tutor)
    assert [one["step"] for one in shown["steps"]][:2] == ["write", "submit"]
    assert [one["step"] for one in shown["steps"]][-1] == "schedule"


async def test_every_review_is_a_task_of_those_who_may_give_it(room: Newsroom) -> None:
    service, issue = room.service, await room.begin()
    await room.submit(issue)
    about = "kind = 'review' and manuscript_id = :id"
    for who, role in ((room.editor, "editor"), (room.chief, "chief_editor"), (room.admin, "admin")):
        mine = f"{about} and state = 'open' and role = :role"
        assert await service.count("task", mine, id=issue["id"], role=role) == 1
        told = "person_id = :person and key like 'review:%'"
        assert await service.count("letter", told, person=who.id) == 1
        await room.review(issue, who)
    assert await service.count("task", f"{about} and state = 'done'", id=issue["id"]) == 3
    assert await service.count(
        "letter", "key like 'reviewed:%' and person_id = :id", id=room.tutor.id
    )


async def test_three_reviews_by_two_people_are_refused(room: Newsroom) -> None:
    both = await room.service.officer("editor", "T")
    async with transaction() as session:
        # Somebody with all three offices still is one person.
        for role in ("chief_editor", "admin"):
            await grant(
                session, person_id=both.id, role=role, org_code="T", granted_by_id=None,
                since_on=MORNING.date(), now=MORNING,
            )  # fmt: skip
    issue = await room.submit(await room.begin())
    assert (await room.review(issue, both)).json()["state"] == "second_review"
    assert code(await room.review(issue, both)) == (409, "ReviewerNotIndependent")
    assert (await room.review(issue, room.chief)).json()["state"] == "final_review"
    assert code(await room.review(issue, both)) == (409, "ReviewerNotIndependent")
    assert (await room.review(issue, room.admin)).json()["state"] == "approved"


async def test_nobody_gives_a_review_that_is_not_theirs(room: Newsroom) -> None:
    issue = await room.submit(await room.begin())
    for who in (room.tutor, room.chief, room.admin):
        assert code(await room.review(issue, who)) == (403, "NotYourReview")
    meant = {"step": "second_review"}
    assert code(await room.review(issue, room.editor, **meant)) == (409, "NotInThisState")
    own = await room.service.ask(
        "POST", "/issues", room.editor, json={"org_code": "T", "articles": [room.article()]}
    )
    await room.submit(own)
    assert code(await room.review(own, room.editor)) == (409, "ReviewerNotIndependent")


REFUSED: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"title": "题" * 33}, "IssueTooLong", {"field": "title", "count": 33, "limit": 32}),
    ({"markdown": "文" * 20_001}, "IssueTooLong", {"field": "markdown", "count": 20_001}),
    (
        {"markdown": "![图](https://evil.example/x.jpg)"},
        "ExternalPicture",
        {"field": "markdown", "source": "https://evil.example/x.jpg"},
    ),
    ({"markdown": f"![图](/uploads/{'0' * 64}.jpg)"}, "IssueIncomplete", {"field": "markdown"}),
    ({"cover": None}, "IssueIncomplete", {"field": "cover"}),
    ({"cover": 10**9}, "IssueIncomplete", {"field": "cover"}),
]


async def test_what_the_platform_would_refuse_is_refused_before_the_first_review(
    room: Newsroom,
) -> None:
    for facts, kind, told in REFUSED:
        issue = await room.begin(**facts)
        facts_told = told | {"field": f"articles.0.{told['field']}"}
        assert [(one["code"], one["field"]) for one in issue["problems"]] == [
            (kind, facts_told["field"])
        ]
        refused = await room.service.call("POST", f"/issues/{issue['id']}/submit", room.tutor)
        assert code(refused) == (400, kind)
        assert facts_told.items() <= refused.json().items()
        # The draft is still there to be mended.
        assert (await room.change(issue, room.tutor)).json()["problems"] == []
        assert (await room.submit(issue))["state"] == "first_review"


async def test_a_long_issue_fits_and_a_too_long_one_does_not(room: Newsroom) -> None:
    full = [room.article(markdown="文" * 19_000)] * 8
    issue = await room.service.ask("POST", "/issues", room.tutor, json={"articles": full})
    assert (issue["problems"], issue["org"]["code"]) == ([], "T")
    huge = {"org_code": "T", "articles": [room.article(markdown="文" * 59_000)] * 12}
    refused = await room.service.call("POST", "/issues", room.tutor, json=huge)
    assert code(refused) == (413, "BodyTooLarge")


async def test_listed_words_flag_and_do_not_block(room: Newsroom) -> None:
    issue = await room.submit(await room.begin(title="双槐最佳柑橘"))
    assert [(one["where"], one["word"]) for one in issue["flags"]] == [("articles.0.title", "最佳")]
    assert issue["state"] == "first_review"
    asked = "task_name = 'editorial.check_words' and args->>'manuscript_id' = :id"
    assert await room.service.count("procrastinate_jobs", asked, id=str(issue["id"])) == 1


async def test_sent_back_it_says_what_to_mend(room: Newsroom) -> None:
    issue = await room.submit(await room.begin())
    short = await room.review(issue, room.editor, decision="return", remarks="改")
    assert code(short) == (400, "RemarksNeeded")
    back = (await room.review(issue, room.editor, decision="return", remarks="标题太长")).json()
    assert (back["state"], back["reviews"][0]["remarks"]) == ("draft", "标题太长")
    again = await room.submit(issue)
    assert again["state"] == "first_review"
    assert not again["reviews"][0]["counts"]
    # Nothing was changed, and who sent it back may look again.
    assert (await room.review(issue, room.editor)).json()["state"] == "second_review"


async def test_a_change_after_approval_voids_the_reviews(room: Newsroom) -> None:
    issue = await room.approve(await room.begin())
    changed = (await room.change(issue, room.tutor, title="另题", digest=issue["digest"])).json()
    assert (changed["state"], changed["version"]) == ("draft", 2)
    assert not any(one["counts"] for one in changed["reviews"])
    again = await room.submit(changed)
    assert code(await room.review(issue, room.editor)) == (409, "DigestStale")
    assert (await room.review(again, room.editor)).json()["state"] == "second_review"
    open_tasks = "kind = 'review' and state = 'open' and manuscript_id = :id"
    assert await room.service.count("task", open_tasks, id=issue["id"]) == 1


async def test_two_editors_at_once_lose_nothing(room: Newsroom) -> None:
    issue = await room.begin()
    old = issue["digest"]
    told = await asyncio.gather(
        room.change(issue, room.tutor, title="甲改的", digest=old),
        room.change(issue, room.editor, title="乙改的", digest=old),
    )
    assert sorted(code(one) for one in told) == [(200, ""), (409, "DigestStale")]
    kept = next(one.json() for one in told if one.status_code == 200)
    shown = await room.service.ask("GET", f"/issues/{issue['id']}", room.tutor)
    assert (shown["articles"], shown["version"]) == (kept["articles"], 2)


async def test_two_editors_reviewing_at_once_are_one_approval(room: Newsroom) -> None:
    other = await room.service.officer("editor", "T")
    issue = await room.submit(await room.begin())
    told = await asyncio.gather(room.review(issue, room.editor), room.review(issue, other))
    assert {one.status_code for one in told} <= {200, 403, 409}
    assert [one.status_code for one in told].count(200) == 1
    assert (await room.service.ask("GET", f"/issues/{issue['id']}", other))[
        "state"
    ] == "second_review"


async def test_another_village_has_no_say(room: Newsroom) -> None:
    elsewhere = await room.service.officer("editor", "T-2")
    body = {"articles": [room.article()]}
    issue = await room.service.ask("POST", "/issues", room.tutor, json=body)
    await room.submit(issue)
    path = f"/issues/{issue['id']}"
    tried = [
        await room.service.call("POST", "/issues", elsewhere, json=body),
        await room.service.call("GET", path, elsewhere),
        await room.change(issue, elsewhere, title="另题"),
        await room.review(issue, elsewhere),
        await room.service.call("POST", f"{path}/withdraw", elsewhere, json={"reason": "不要"}),
    ]
    assert {one.status_code for one in tried} == {403}
    assert (await room.service.ask("GET", "/issues", elsewhere))["items"] == []
    nobody = await room.service.login()
    assert (await room.service.ask("GET", "/issues", nobody))["items"] == []
    mine = await room.service.ask("GET", "/issues?state=first_review", room.editor)
    assert [one["id"] for one in mine["items"]] == [issue["id"]]


async def test_an_issue_is_the_towns_because_the_account_is(room: Newsroom) -> None:
    """Else three officers of one village would publish to the whole town."""
    village = await room.service.officer("editor", "T-1")
    for org_code, who, refusal in (
        ("T-1", room.editor, (400, "IssueElsewhere")),
        ("T-1", village, (400, "IssueElsewhere")),
        (None, village, (403, "NotYourBranch")),
        ("T", village, (403, "NotYourBranch")),
    ):
        body = {"org_code": org_code, "articles": [room.article()]}
        assert code(await room.service.call("POST", "/issues", who, json=body)) == refusal
    issue = await room.submit(await room.begin())
    assert code(await room.review(issue, village))[0] == 403
    issue = await room.approve(issue)
    for path, said in (("schedule", {}), ("withdraw", {"reason": "不发"})):
        refused = await room.service.call(
            "POST", f"/issues/{issue['id']}/{path}", village, json=said
        )
        assert code(refused) == (403, "NotYourBranch")
    # One that was a village's in another way does not get a time either.
    async with transaction() as session:
        of_village = (await org_by_code(session, "T-1")).id
        (await session.get_one(Manuscript, issue["id"])).org_id = of_village
    path = f"/issues/{issue['id']}/schedule"
    refused = await room.service.call("POST", path, village, json={})
    assert code(refused) == (400, "IssueElsewhere")


async def test_taken_back_nobody_need_review_it(room: Newsroom) -> None:
    issue = await room.submit(await room.begin())
    path = f"/issues/{issue['id']}/withdraw"
    told = await room.service.ask("POST", path, room.editor, json={"reason": "内容有误"})
    assert (told["state"], told["steps"][-1]["remarks"]) == ("withdrawn", "内容有误")
    dropped = "state = 'dropped' and manuscript_id = :id"
    assert await room.service.count("task", dropped, id=issue["id"]) == 1
    assert code(await room.review(issue, room.editor)) == (409, "NotInThisState")


async def test_the_source_address_leads_to_the_published_article(room: Newsroom) -> None:
    service, issue = room.service, await room.approve(await room.begin())
    which, url = {"manuscript_id": issue["id"], "now": MORNING}, "https://mp.weixin.qq.com/s/x"
    path = f"/a/{issue['id']}-1"
    assert code(await service.client.get(f"{path}/0")) == (404, "ArticleNotPublished")
    async with transaction() as session:
        await desk.schedule(session, **which, by_id=None, at=MORNING)
        await desk.begin(session, **which)
        await desk.settle(session, **which, state="published", outcome={"urls": [url]}, by_id=None)
    led = await service.client.get(f"{path}/0")
    assert (led.status_code, led.headers["location"]) == (302, url)
    for wrong in (f"{path}/1", f"/a/{issue['id']}-2/0", f"/a/{10**12}-1/0"):
        assert code(await service.client.get(wrong)) == (404, "ArticleNotPublished")


async def test_a_picture_may_stand_in_a_text_and_a_script_may_not(room: Newsroom) -> None:
    url = (await send_picture(room.service, room.tutor)).json()["url"]
    issue = await room.begin(markdown=f"柑橘熟了。\n\n![柑橘]({url})")
    assert (await room.submit(issue))["state"] == "first_review"
    script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    assert code(await send_picture(room.service, room.tutor, script)) == (400, "NotAPicture")

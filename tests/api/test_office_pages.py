"""Every page of the desk's second half: who may see it, and that it holds together."""

from collections.abc import AsyncIterator

import pytest

from app.core.settings import Settings, get_settings
from tests.api.conftest import UNLIMITED
from tests.api.office import Desk, open_desk
from tests.api.service import running

STAFF_PAGES = (
    *("/desk/tasks", "/desk/reviews", "/desk/reviews?tab=open", "/desk/reviews?tab=ready"),
    *("/desk/reviews?tab=over", "/desk/calendar", "/desk/calendar?week=2026-W53", "/desk/groups"),
    *("/desk/groups?ended=true", "/desk/deliveries", "/desk/deliveries?dead=1"),
    *("/desk/deliveries?day=2026-11-01&state=sent", "/desk/deliveries/reach"),
)
ADMIN_PAGES = (
    *("/desk/rules", "/desk/rules/lesson.credit", "/desk/rules/day.learned", "/desk/roster"),
    *("/desk/roster?ended=true&role=tutor", "/desk/roster/grant", "/desk/roster/grant?name=竹青"),
    *("/desk/roster/merges", "/desk/organisations", "/desk/organisations/T-1", "/desk/audit"),
    *("/desk/audit?act=sign_in&day=2026-11-23&person=1", "/desk/closes"),
)
TUTOR_PAGES = ("/desk/prior-learning", "/desk/prior-learning?tab=refused", "/desk/groups/new")
NOWHERE = (
    *("/desk/reviews/4711", "/desk/groups/4711", "/desk/deliveries/4711"),
    *("/desk/rules/no.such.rule", "/desk/rules/credit.to.course_credit"),
    *("/desk/prior-learning/4711", "/desk/organisations/nowhere"),
    "/desk/roster/grant?person=4711",
)


@pytest.fixture
def settings(database_url_of_its_own: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SHOUSHAN_TOWN_CODE", "T")
    get_settings.cache_clear()
    return Settings(_env_file=None, database_url=database_url_of_its_own, rate=UNLIMITED)


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    async with running(settings) as service, open_desk(service) as desk:
        yield desk


async def test_every_page_opens_for_who_may_see_it(desk: Desk) -> None:
    admin = await desk.window(desk.admin)
    for path in (*STAFF_PAGES, *ADMIN_PAGES, *TUTOR_PAGES):
        page = await admin.get(path)
        assert page.status_code == 200, f"{path}: {page.status_code} {page.text[-600:]}"
        assert page.text.count("<h1>") == 1, path
        assert '<div class="office">' in page.text, path
    for path in NOWHERE:
        assert (await admin.get(path)).status_code == 404, path
    for path in ("/desk/calendar?week=2026-W60", "/desk/calendar?week=x", "/desk/audit?cursor=x"):
        assert (await admin.get(path)).status_code == 400, path


async def test_editors_and_tutors_have_their_share(desk: Desk) -> None:
    editor, tutor = await desk.window(desk.editor), await desk.window(desk.tutor)
    for path in STAFF_PAGES:
        for one in (editor, tutor):
            page = await one.get(path)
            assert page.status_code == 200, path
            assert "学分规则" not in page.text, path
    for path in TUTOR_PAGES:
        assert (await tutor.get(path)).status_code == 200, path
        assert (await editor.get(path)).status_code == 403, path
    for path in ADMIN_PAGES:
        for one in (editor, tutor):
            assert (await one.get(path)).status_code == 403, path


async def test_residents_and_strangers_see_nothing(desk: Desk) -> None:
    resident = await desk.window(desk.resident)
    for path in (*STAFF_PAGES, *ADMIN_PAGES, *TUTOR_PAGES):
        assert (await resident.get(path)).status_code == 403, path
        stranger = await desk.service.client.get(path, headers={"accept": "text/html"})
        assert (stranger.status_code, stranger.headers["location"][:12]) == (303, "/login?next="), (
            path
        )


async def test_another_village_s_administrator_sees_the_own_only(desk: Desk) -> None:
    other = await desk.window(desk.other)
    issue = await desk.submitted()
    for path in (
        f"/desk/reviews/{issue['id']}",
        "/desk/calendar",  # The account is the town's.
        "/desk/organisations/T-1",
        f"/desk/roster/grant?person={desk.resident.id}",
        f"/desk/roster/merges?kept={desk.resident.id}&merged={desk.tutor.id}",
    ):
        assert (await other.get(path)).status_code == 403, path
    roster = await other.get("/desk/roster")
    assert "主编" not in roster.text.split("<table")[1]
    assert "双新社区" in roster.text
    for path in ("/desk/rules", "/desk/rules/lesson.credit"):
        page = await other.get(path)
        assert page.status_code == 200
        assert "换新版本</span>" not in page.text
    assert "现在核对一遍" not in (await other.get("/desk/closes")).text
    assert "用文件导入" not in (await other.get("/desk/organisations")).text
    tree = await other.get("/desk/organisations")
    assert "文坪村" not in tree.text

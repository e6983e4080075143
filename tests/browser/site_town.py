"""A small town with something on every page of the site, and people to look at each.

Names are as long as they come: what fits them fits all others.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import text

from app.core import clock
from app.core.db import transaction
from app.people import offices
from app.people import queries as people
from app.push.links import code_of
from app.push.models import Task
from app.wechat.models import Inbound
from tests.api.browser import Browser, browsing
from tests.api.desk_town import furnish
from tests.api.newsroom import Newsroom, send_picture
from tests.api.service import Resident, Service
from tests.content.drafts import make_lesson
from tests.factories.editorial import article, picture
from tests.factories.pushing import make_delivery, make_group, make_push

VILLAGE, OTHER = "500117126217", "500117126201"
LONG_VILLAGE = "石龙山自然村易地扶贫搬迁集中安置点"
LONG_NAME = "欧阳秋菊（李家院子）"
LONG_TITLE = "接到“公检法”电话说您涉嫌洗钱，要您把钱转到“安全账户”，这时候该怎么办"
REASON = "居民来问少记了学分"
ADDRESS = "https://work.weixin.qq.com/ca/" + "a1b2c3d4" * 12
MARKDOWN = f"""\
## 先断电

插座发烫，**马上断电**。这不是包治百病的办法。

> 家里有老人的，请把这一条念给他听。

| 电器 | 功率 | 一小时用电 | 放在哪里 |
| --- | --- | --- | --- |
| 取暖器 | 1500 瓦 | 1.5 度 | 离床、离窗帘一米以上的平地上 |

{ADDRESS}
"""


@dataclass(frozen=True)
class Town:
    """`facts` fill the addresses of the site's map; `staff` and others have a browser each."""

    service: Service
    facts: dict[str, object]
    windows: dict[str, Browser]

    def cookies(self, role: str) -> list[Any]:
        """As Playwright takes them."""
        if role not in self.windows:
            return []
        base = self.service.settings.base_url
        return [
            {"name": one.name, "value": one.value, "url": base, "httpOnly": True}
            for one in self.windows[role].client.cookies.jar
        ]


@asynccontextmanager
async def settled(service: Service, role: str) -> AsyncIterator[Town]:
    """The town, and this role signed in."""
    async with AsyncExitStack() as stack:

        async def window(who: Resident) -> Browser:
            opened = await stack.enter_async_context(browsing(service))
            await opened.sign_in(who)
            return opened

        base = await furnish(service)
        await _rename(service, base.learner)
        facts: dict[str, object] = {"village": VILLAGE, "person_id": base.learner.id}
        learner = await window(base.learner)
        tutor = await service.officer("tutor", base.town)
        facts |= await _lessons(service, base.learner, learner)
        facts |= await _push(service, tutor, base.town)
        windows = {"resident": learner}
        if role == "newcomer":
            windows[role] = await window(await service.login())
        if role in {"studio", "desk"}:
            facts |= await _studio(service, tutor, base.town)
            windows["studio"] = await window(tutor)
        if role == "desk":
            windows["desk"] = await window(base.admin)
            facts |= await _desk(service, windows["desk"], base.learner, facts)
        if role == "county":
            windows[role] = await window(await _everywhere(service, base.town))
        if role == "stranger":
            # A computer that shows a code.
            windows[role] = await stack.enter_async_context(browsing(service))
            shown = (await windows[role].get("/login")).text
            facts["scan_code"] = _link(r"/login/scan/[0-9a-f]{16}", shown).rpartition("/")[2]
            said = await service.ask("POST", "/login/ticket", base.learner)
            facts["ticket"] = urlsplit(said["url"]).path.rpartition("/")[2]
        if role == "resident":
            page = await learner.get(f"/certificates/{facts['number']}")
            await learner.press(page, "/card", agree="yes")
        yield Town(service, facts, windows)


async def _everywhere(service: Service, town: str) -> Resident:
    """An administrator of every root, and a message of WeChat's that nobody could read."""
    one, now = await service.officer("admin", town), clock.utcnow()
    async with transaction() as session:
        await offices.grant(
            session,
            person_id=one.id,
            role="admin",
            org_code="T",
            granted_by_id=None,
            since_on=clock.local_day(now),
            now=now,
        )
        facts = {"appid": "wx0", "key": "k", "openid": "o", "kind": "Unreadable", "fields": {}}
        told = {"state": "failed", "error": "Malformed", "received_at": now, "settled_at": now}
        session.add(Inbound(**facts, **told))
    return one


async def _rename(service: Service, learner: Resident) -> None:
    await service.ask("PATCH", "/me", learner, json={"name": LONG_NAME})
    async with transaction() as session:
        said = "UPDATE organisation SET name = :name WHERE code = :code"
        await session.execute(text(said), {"name": LONG_VILLAGE, "code": VILLAGE})


async def _lessons(service: Service, learner: Resident, browser: Browser) -> dict[str, object]:
    lesson = await service.lesson("long-01", title=LONG_TITLE, summary=LONG_TITLE * 2)
    await service.study(learner, lesson)
    waiting = await service.lesson("long-02", title=f"{LONG_TITLE}（二）", required_seconds=600)
    await service.read(learner, waiting, 45)
    page = (await browser.get("/credits")).text
    number = re.findall(r'href="/certificates/([^"]+)"', page)[0]
    return {"lesson_id": lesson, "next_lesson_id": waiting, "number": number}


async def _push(service: Service, tutor: Resident, town: str) -> dict[str, object]:
    """One of today, on its way: a group's link, a task by hand."""
    now = clock.utcnow()
    async with transaction() as session:
        lesson = await make_lesson(session, "relayed-01", now=now, title="冬天用电用火")
        place = await people.org_by_code(session, town)
        owner = await people.get_person(session, tutor.id)
        group = await make_group(session, place, owner, name=f"{LONG_VILLAGE}学习群")
        push = await make_push(session, place, lesson, state="publishing", text=MARKDOWN, now=now)
        delivery = await make_delivery(
            session, push, group, state="handed_over", claimed_at=now, settled_at=now, clicks=7,
            learned=3,
        )  # fmt: skip
        task = Task(
            key=f"relay:{delivery.id}", kind="relay", org_id=place.id, person_id=tutor.id,
            title=f"转发到{LONG_VILLAGE}学习群", text=f"{LONG_TITLE}\n{ADDRESS}",
            delivery_id=delivery.id, due_at=now + timedelta(hours=1), made_at=now, state="open",
        )  # fmt: skip
        session.add(task)
        await session.flush()
        code = code_of(delivery.id, secret=service.settings.secret_key)
        return {
            "code": code,
            "push_id": push.id,
            "group_id": group.id,
            "delivery_id": delivery.id,
        }


async def _studio(service: Service, tutor: Resident, town: str) -> dict[str, object]:
    """Manuscripts in two states, and an activity that somebody came to."""
    await service.ask("PATCH", "/me", tutor, json={"name": LONG_NAME})
    drawn = picture("JPEG", size=(900, 383), colour="green")
    cover = (await send_picture(service, tutor, drawn)).json()["id"]
    editor = await service.officer("editor", town)

    async def issue(title: str) -> Any:
        written = article(title=title, cover=cover, markdown=MARKDOWN, digest=LONG_TITLE[:40])
        body = {"org_code": town, "articles": [written, {**written, "title": "双槐这一周"}]}
        return await service.ask("POST", "/issues", tutor, json=body)

    sent, draft = await issue(LONG_TITLE[:32]), await issue("还没写完的一期")
    newsroom = Newsroom(service, tutor, editor, editor, editor, cover)
    await newsroom.submit(sent)
    (lesson, *_) = (await service.ask("GET", "/lessons", tutor))["items"]
    body = {"date": "2026-11-25", "org_code": town, "lesson_id": lesson["id"], "text": "学一学"}
    push = await service.ask("POST", "/pushes", tutor, json=body)
    activity = await service.ask(
        "POST", "/activities", tutor,
        json={"title": f"{LONG_VILLAGE}院坝反诈宣讲", "platform": "微讲堂", "org_code": VILLAGE,
              "starts_at": "2026-11-23T10:00:00+08:00", "ends_at": "2026-11-23T11:30:00+08:00"},
    )  # fmt: skip
    return {
        "issue_id": sent["id"],
        "draft_issue_id": draft["id"],
        "draft_push_id": push["id"],
        "activity_id": activity["id"],
    }


async def _desk(
    service: Service, admin: Browser, learner: Resident, facts: dict[str, object]
) -> dict[str, object]:
    """What an administrator opened with a reason, and papers to recognise."""
    twin = await service.villager(OTHER)
    paper = {
        "title": "书法班结业", "institution": "合川区老年大学石龙山教学点", "hours_hundredths": 150,
        "achieved_on": "2026-06-01", "document_name": "结业证书扫描件（正反两面）.pdf",
        "document_sha256": "ab" * 32,
    }  # fmt: skip
    applied = await service.ask("POST", "/prior-learning", learner, json=paper)
    gate = await admin.get(f"/desk/rankings/residents/{facts['person_id']}")
    statement = (await admin.press(gate, "/reasons", reason=REASON)).headers["location"]
    shown = (await admin.get(f"{statement}&unit=credit")).text
    transfer = _link(r"/desk/rankings/transfers/\d+\?seen=\d+", shown)
    reversal = _link(
        r"/desk/rankings/transfers/\d+/reversal\?seen=\d+", (await admin.get(transfer)).text
    )
    return {
        "other_id": twin.id,
        "application_id": applied["id"],
        "statement": statement,
        "transfer": transfer,
        "reversal": reversal,
    }


def _link(pattern: str, shown: str) -> str:
    found = re.search(pattern, shown)
    assert found, pattern
    return found[0]

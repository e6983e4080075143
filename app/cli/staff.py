"""The demo town's staff at work: they write, review, forward and confirm, as clients over HTTP.

Like the residents of `life.py` they reach into nothing and are patient while a process is away.
What they do stands in data/demo-week.toml; all of them are invented.
"""

import io
import random
import tomllib
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pylopdf_fonts_zh_cn
from PIL import Image, ImageDraw, ImageFont

from app.cli.life import Resident, Town, act, ask, log_in
from app.cli.running import Failed
from app.core.settings import PROJECT

SCRIPT = PROJECT / "data" / "demo-week.toml"
COVER = (900, 383)
"""Pixels of a cover, 2.35 : 1 (…/api_draft_add, pic_crop_235_1)."""
GREEN, CREAM, PAPER = "#1e6545", "#f6e7b4", "#fffdf7"
REVIEWERS = ("demo-6", "demo-7", "demo-5")
AUTHOR = "demo-4b"
WEEK_DAYS = 7
DOUBTFUL = "/v2/groups/*"
"""The first message of the week to a QQ group arrives, and its answer is lost."""


def dice() -> random.Random:
    """Nothing the staff does is left to chance; a town wants some all the same."""
    return random.Random(1)  # noqa: S311  dice, not secrets


def read_script() -> dict[str, Any]:
    return tomllib.loads(SCRIPT.read_text("utf-8"))


@dataclass
class Office:
    """The staff, signed in, and the groups they look after: base → person, name → group."""

    town: Town
    script: dict[str, Any] = field(default_factory=read_script)
    staff: dict[str, Resident] = field(default_factory=dict)
    rooms: dict[str, str] = field(default_factory=dict)
    """Name of a group → its id on the stand-in."""

    async def sign_in(self) -> None:
        """Everybody's phone, and a token of the API."""
        for number, one in enumerate(self.script["staff"]):
            form = {"name": one["name"], "openid_base": one["base"]}
            user = await self.stand_in("POST", "/users", form)
            person = Resident(
                number=-1 - number,
                name=one["name"],
                village=one["village"],
                diligence=0,
                shows_name=False,
                scans=False,
            )
            person.phone_id = user["id"]
            await log_in(self.town, person)
            self.staff[one["base"]] = person
            await self.call(one["base"], "PATCH", "/me", {"name": one["name"]})

    async def say_good_morning(self) -> None:
        """Who writes to the account may be written to for 48 hours: tutors ask for their tasks."""
        for person in self.staff.values():
            await act(self.town, person, "text", text="待办")

    async def stand_in(self, method: str, path: str, body: Any = None) -> Any:
        answer = await ask(self.town, self.town.stand_in, method, f"/_sandbox{path}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def call(
        self, base: str, method: str, path: str, body: Any = None, *, key: str = "", **parts: Any
    ) -> Any:
        """The service's answer to one of the staff; `key` makes a repeated request harmless."""
        headers = {"Authorization": f"Bearer {self.staff[base].token}"}
        if key:
            headers["Idempotency-Key"] = f"demo-week-{key}"
        answer = await ask(
            self.town,
            self.town.service,
            method,
            f"/api/v1{path}",
            headers=headers,
            json=body,
            **parts,
        )
        if not answer.is_success:
            raise Failed(f"{method} {path} for {self.staff[base].name}: {_said(answer)}")
        return answer.json() if answer.content else None


def _said(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        return f"{problem['code']}: {problem['detail']}"
    except (ValueError, KeyError):
        return f"HTTP {answer.status_code}"


async def open_rooms(office: Office) -> None:
    """The groups as Tencent has them; the stand-in forgets them whenever it stops."""
    for group in office.script["groups"]:
        if "stand_in" not in group:
            continue
        owner = next(one for one in office.script["staff"] if one["base"] == group["owner"])
        if "wecom" in owner:
            form = {"userid": owner["wecom"], "name": owner["name"]}
            await office.stand_in("POST", "/wecom/members", form)
        made = await office.stand_in(
            "POST",
            "/groups",
            {
                "kind": group["stand_in"],
                "name": group["name"],
                "address": group.get("address", f"room-{group['org']}"),
                "members": [owner["name"], "群友甲", "群友乙"],
                "owner": owner.get("wecom"),
                "allow_proactive": group.get("proactive", False),
            },
        )
        office.rooms[group["name"]] = made["id"]
        if group.get("removed"):
            await office.stand_in("POST", f"/groups/{made['id']}/remove")


async def prepare_week(office: Office, first_day: date, days: int) -> None:
    """Register the groups; write, review and schedule two issues and a push for every day."""
    drafts = await _write_pushes(office, first_day, days)
    await _register_groups(office)
    await office.stand_in("POST", "/faults", {"path": DOUBTFUL, "kind": "reset", "count": 1})
    cover = await _upload_cover(office)
    for number, issue in enumerate(office.script["issues"]):
        article = {name: issue[name] for name in ("title", "author", "digest")}
        markdown = issue["markdown"].replace("{cover}.jpg", cover["url"].rpartition("/")[2])
        article |= {"markdown": markdown, "cover": cover["id"]}
        body: dict[str, Any] = {"articles": [article]}
        made = await office.call(AUTHOR, "POST", "/issues", body, key=f"issue-{number}")
        await _through_reviews(office, "issues", made)
        await office.call(
            "demo-6", "POST", f"/issues/{made['id']}/schedule", {}, key=f"slot-{number}"
        )
    for made in drafts:
        await _through_reviews(office, "pushes", made)


async def _write_pushes(office: Office, first_day: date, days: int) -> list[dict[str, Any]]:
    """Before there are groups: for a town with groups the service would draft today's itself."""
    lessons = (await office.call(AUTHOR, "GET", "/lessons?limit=100"))["items"]
    texts = office.script["pushes"]["texts"]
    drafts = []
    for number in range(days):
        body = {
            "date": (first_day + timedelta(days=number)).isoformat(),
            "org_code": office.script["staff"][0]["roles"][0][1],
            "lesson_id": lessons[number % len(lessons)]["id"],
            "text": texts[number % len(texts)],
        }
        key = f"push-{body['date']}"
        drafts.append(await office.call(AUTHOR, "POST", "/pushes", body, key=key))
    return drafts


async def _register_groups(office: Office) -> None:
    for number, group in enumerate(office.script["groups"]):
        body = {
            "name": group["name"],
            "org_code": group["org"],
            "channel": group["channel"],
            "address": group.get("address"),
            "owner_id": (await office.call(group["owner"], "GET", "/me"))["id"],
            "send_at": group["send_at"],
            "deadline": group["deadline"],
        }
        await office.call("demo-5", "POST", "/groups", body, key=f"group-{number}")


async def _through_reviews(office: Office, kind: str, made: dict[str, Any]) -> None:
    """Three reviews by three people; what is past a step already stays there."""
    if made["state"] == "draft":
        made = await office.call(
            AUTHOR, "POST", f"/{kind}/{made['id']}/submit", key=f"{kind}-{made['id']}-submit"
        )
    steps = ("first_review", "second_review", "final_review")
    for step, reviewer in zip(steps, REVIEWERS, strict=True):
        if made["state"] != step:
            continue
        made = await office.call(
            reviewer,
            "POST",
            f"/{kind}/{made['id']}/reviews",
            {"decision": "approve", "digest": made["digest"], "remarks": "", "step": step},
            key=f"{kind}-{made['id']}-{step}",
        )


async def _upload_cover(office: Office) -> dict[str, Any]:
    """The account's name on its green, drawn here: no photograph of anybody's."""
    picture = Image.new("RGB", COVER, GREEN)
    pen = ImageDraw.Draw(picture)
    fonts = Path(pylopdf_fonts_zh_cn.__file__).parent
    for text, size, y, tone in (
        ("首善双槐", 130, 84, PAPER),
        ("每天学一点，一起往前走", 44, 246, CREAM),
    ):
        font = ImageFont.truetype(fonts / "NotoSerifSC-Regular.otf", size)
        pen.text((COVER[0] // 2, y), text, fill=tone, font=font, anchor="ma")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    files = {"file": ("cover.jpg", out.getvalue(), "image/jpeg")}
    made: dict[str, Any] = await office.call(AUTHOR, "POST", "/uploads", key="cover", files=files)
    return made

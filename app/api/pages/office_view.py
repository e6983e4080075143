"""What the administrators' pages share: who may see them, what the last form did, names."""

from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.api.pages import doors
from app.api.pages.frame import render
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor

Right = Callable[[Actor, Collection[int]], bool]
SAID = {
    "approved": "已通过",
    "returned": "已退回给作者",
    "scheduled": "已排好发布时间",
    "withdrawn": "已撤回",
    "decided": "已登记",
    "done": "已办结",
    "dropped": "已标记为不用办",
    "saved": "已保存",
    "ended": "已结束",
    "closed-day": "已设为停发日",
    "opened-day": "已恢复发布",
    "published-rule": "新版本已登记，到生效那天自动开始用",
    "confirmed": "已核实，等另一位管理员认定",
    "recognised": "已认定，学分已入账",
    "refused": "已办理：不予认定",
    "granted": "已授予职责",
    "corrected": "已更正所在村（社区）",
    "merged": "两个账户已合并",
    "parted": "已撤销合并",
    "imported": "机构已导入",
    "replayed": "已重新处理",
    "replay-failed": "重新处理过了，还有没成功的，请看原因",
    "audited": "账目已核对",
    "audit-ordered": "账目较多，已交给后台核对，过几分钟再看",
}
"""What a form did: named in the address of the page after it, so that nothing else is shown."""


def show(request: Request, template: str, *, status: int = 200, **facts: Any) -> HTMLResponse:
    """A page of the desk, with what the form before it did."""
    said = SAID.get(request.query_params.get("done", ""), "")
    return render(request, f"office/{template}", status=status, said=said, **facts)


def go_on(request: Request, path: str, done: str) -> Response:
    """To the next page, which says what was done."""
    assert done in SAID, done
    return doors.go(request, f"{path}{'&' if '?' in path else '?'}done={done}")


def query(path: str, **parts: object) -> str:
    """The path with those of these parts that are given."""
    given = {name: part for name, part in parts.items() if part not in {None, ""}}
    return f"{path}?{urlencode(given)}" if given else path


def overseen(actor: Actor) -> list[int]:
    """Where this person may see what is pushed. Raises NotYourBranch: nowhere."""
    found = policy.orgs_where(actor, policy.can_see_pushing)
    if not found:
        raise NotYourBranch
    return found


def administered(actor: Actor) -> list[int]:
    return policy.orgs_where(actor, policy.can_administer)


async def require(session: AsyncSession, actor: Actor, may: Right, org_id: int) -> None:
    """Raises NotYourBranch."""
    if not may(actor, await people.lineage_of(session, org_id)):
        raise NotYourBranch


async def names(session: AsyncSession, person_ids: Iterable[int | None]) -> dict[int | None, str]:
    """How to call these colleagues; None is the service itself."""
    known = {one for one in person_ids if one is not None}
    found = await people.names_of(session, known)
    said: dict[int | None, str] = {one: found.get(one) or f"{one} 号人员" for one in known}
    said[None] = "系统"
    return said

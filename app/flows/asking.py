"""What a person is asked to do about an issue: the task, and the letter that tells of it."""

import re
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.editorial import pictures, queries
from app.editorial.errors import UploadNotFound
from app.editorial.models import Manuscript
from app.flows import notices
from app.people import offices
from app.push import tasks

DECIDE_WITHIN = timedelta(hours=4)
RESPONSIBLE = ("editor", "chief_editor", "admin")
OUR_PICTURE = re.compile(r"(?<![\w/.])/uploads/(?=[0-9a-f]{64}\.)")


async def ask(
    session: AsyncSession,
    manuscript: Manuscript,
    *,
    key: str,
    kind: str,
    title: str,
    text: str,
    due_at: datetime,
    now: datetime,
) -> None:
    """A task for the first editor, chief editor or administrator there is, who is told of it."""
    person_id = None
    for role in RESPONSIBLE:
        holders = await offices.holders_of(
            session, role=role, org_id=manuscript.org_id, day=local_day(now)
        )
        if holders:
            person_id = holders[0]
            break
    opened = await tasks.open_task(
        session,
        key=key,
        kind=kind,
        org_id=manuscript.org_id,
        person_id=person_id,
        role=None if person_id is not None else "admin",
        title=title,
        text=text,
        due_at=due_at,
        manuscript_id=manuscript.id,
        now=now,
    )
    if opened is not None and person_id is not None:
        said = f"{title}\n{text}"
        await notices.tell(
            session, key=f"task:{key}", person_id=person_id, kind="duty", text=said[:600], now=now
        )


async def ask_chief_editor(
    session: AsyncSession,
    manuscript: Manuscript,
    *,
    key: str,
    kind: str,
    title: str,
    text: str,
    now: datetime,
) -> None:
    """Something became of it that nobody expected any more."""
    opened = await tasks.open_task(
        session,
        key=key,
        kind=kind,
        org_id=manuscript.org_id,
        person_id=None,
        role="chief_editor",
        title=title,
        text=text,
        due_at=now + DECIDE_WITHIN,
        manuscript_id=manuscript.id,
        now=now,
    )
    if opened is not None:
        await notices.tell_role(
            session, key=key, role="chief_editor", org_id=manuscript.org_id, text=text, now=now
        )


async def whole_text(
    session: AsyncSession, manuscript: Manuscript, *, why: str, base_url: str
) -> str:
    """Everything to be copied by hand; pictures as addresses that open in any browser."""
    body = await queries.body_of(session, manuscript_id=manuscript.id, version=manuscript.version)
    parts = [f"{why}。请登录 mp.weixin.qq.com 新建图文，复制以下内容发表，再回来点「已完成」。"]
    for one in body["articles"]:
        head = f"【标题】{one['title']}\n【作者】{one['author']}\n【摘要】{one['digest']}"
        cover = await _address_of(session, one["cover"], base_url)
        markdown = OUR_PICTURE.sub(f"{base_url}/uploads/", one["markdown"])
        parts.append(f"{head}\n【封面】{cover}\n【正文】\n{markdown}")
    return "\n\n".join(parts)


async def _address_of(session: AsyncSession, upload_id: int, base_url: str) -> str:
    try:
        return base_url + pictures.url_of(await pictures.find(session, upload_id=upload_id))
    except UploadNotFound:
        return "（图片已不在服务器上）"

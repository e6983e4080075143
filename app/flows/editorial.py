"""A manuscript on its way through the reviews: each step at the desk, and who has to act next."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Invalid
from app.core.jobs import Job, defer
from app.editorial import desk, limits, pictures, queries, steps
from app.editorial.desk import Decision
from app.editorial.errors import IssueIncomplete, UploadNotFound
from app.editorial.models import Manuscript
from app.editorial.rules import REVIEWS, Kind
from app.editorial.words import flag_passages
from app.flows.notices import tell, tell_role
from app.people import staff_acts
from app.people.queries import list_selves
from app.push.tasks import close_tasks, open_task

REVIEW_TIME = timedelta(hours=24)
REVIEW_NAMES = {"first_review": "初审", "second_review": "复审", "final_review": "终审"}
KIND_NAMES: Mapping[Kind, str] = {"issue": "首善双槐一期", "push": "每日学习"}
TEXT_FIELDS = ("title", "author", "digest", "markdown")
TASK, RETURNED = "review", "returned"
DIGEST_SHOWN = 12


async def change(
    session: AsyncSession,
    *,
    manuscript_id: int,
    body: Mapping[str, Any],
    by_id: int | None,
    based_on: str | None = None,
    key: str | None = None,
    now: datetime,
) -> Manuscript:
    """New content; whoever was to review the old one need not."""
    before = (await queries.get(session, manuscript_id)).version
    manuscript = await desk.change(
        session,
        manuscript_id=manuscript_id,
        body=body,
        flags=flags_of(body),
        by_id=by_id,
        based_on=based_on,
        key=key,
        now=now,
    )
    if manuscript.version != before:
        await close_tasks(
            session, kind=TASK, manuscript_id=manuscript_id, by_id=by_id, reason="稿件已修改",
            done=False, now=now,
        )  # fmt: skip
    return manuscript


async def submit(
    session: AsyncSession, *, manuscript_id: int, by_id: int | None, now: datetime
) -> Manuscript:
    """To the first review: within the platform's limits, its passages flagged.

    Raises IssueTooLong, IssueIncomplete, ExternalPicture. A repeated click changes nothing.
    """
    manuscript = await steps.lock(session, manuscript_id=manuscript_id)
    if manuscript.state == "draft":
        body = await queries.body_of(session, manuscript_id=manuscript_id)
        for problem in await problems_of(session, kind=manuscript.kind, body=body):
            raise problem
        # Again, because the list of words may be another than when this was written.
        fresh = [one for one in flags_of(body) if one not in manuscript.flags]
        manuscript.flags = [*manuscript.flags, *fresh]
    round_before = manuscript.round
    manuscript = await desk.submit(session, manuscript_id=manuscript_id, by_id=by_id, now=now)
    if manuscript.round != round_before:
        await note_act(session, manuscript, "issue.submit", by_id=by_id, now=now)
        await close_tasks(
            session, kind=RETURNED, manuscript_id=manuscript_id, by_id=by_id, reason="已重新送审",
            done=True, now=now,
        )  # fmt: skip
        await _ask_reviewers(session, manuscript, now=now)
        await defer(
            session,
            Job.CHECK_WORDS,
            dedupe=f"words:{manuscript.id}:{manuscript.version}",
            manuscript_id=manuscript.id,
            version=manuscript.version,
        )
    return manuscript


async def review(
    session: AsyncSession,
    *,
    manuscript_id: int,
    by_id: int,
    decision: Decision,
    digest: str,
    remarks: str,
    step: str | None = None,
    now: datetime,
) -> Manuscript:
    """One review; the next reviewers are asked, or the author learns what became of it."""
    manuscript = await desk.review(
        session,
        manuscript_id=manuscript_id,
        by_id=by_id,
        decision=decision,
        digest=digest,
        remarks=remarks,
        step=step,
        selves=await list_selves(session, by_id),
        now=now,
    )
    await close_tasks(
        session, kind=TASK, manuscript_id=manuscript_id, by_id=by_id,
        reason="已审：通过" if decision == "approve" else "已审：退回修改", done=True, now=now,
    )  # fmt: skip
    facts = {"decision": decision, "state": manuscript.state, "digest": digest[:DIGEST_SHOWN]}
    await note_act(session, manuscript, "issue.review", facts, by_id=by_id, now=now)
    if manuscript.state in REVIEWS:
        await _ask_reviewers(session, manuscript, now=now)
    else:
        await _tell_author(session, manuscript, remarks, now=now)
    return manuscript


async def note_act(
    session: AsyncSession,
    manuscript: Manuscript,
    act: str,
    facts: Mapping[str, object] | None = None,
    *,
    by_id: int | None,
    now: datetime,
) -> None:
    """Into the audit log of staff, unless the service did it by itself."""
    if by_id is None:
        return
    subject = f"{manuscript.kind}:{manuscript.id}"
    told = {"version": manuscript.version, **(facts or {})}
    await staff_acts.note(session, person_id=by_id, act=act, subject=subject, facts=told, now=now)


async def drop_reviews(
    session: AsyncSession, *, manuscript_id: int, by_id: int | None, reason: str, now: datetime
) -> None:
    """Nobody need review it any more, or mend it."""
    for kind in (TASK, RETURNED):
        await close_tasks(
            session, kind=kind, manuscript_id=manuscript_id, by_id=by_id, reason=reason,
            done=False, now=now,
        )  # fmt: skip


async def problems_of(
    session: AsyncSession, *, kind: str, body: Mapping[str, Any]
) -> list[Invalid]:
    """Everything that keeps it from its first review."""
    if kind != "issue":
        return []
    # Not on the loop: eight articles laid out take a second, hostile ones a few.
    refused = await asyncio.to_thread(lambda: list(limits.problems_in(body)))
    return [*refused, *await _missing_pictures(session, body)]


def flags_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The passages of an issue or a push that a reviewer should look at."""
    texts = {
        f"articles.{index}.{field}": article.get(field) or ""
        for index, article in enumerate(body.get("articles", ()))
        for field in TEXT_FIELDS
    }
    if "text" in body:
        texts["text"] = body["text"]
    return list(flag_passages(texts))


def title_of(kind: str, body: Mapping[str, Any]) -> str:
    """How people call it: 首善双槐一期《…》, 每日学习 2026-11-24."""
    if kind == "issue":
        first = next((one["title"] for one in body.get("articles", ()) if one.get("title")), "无题")
        return f"{KIND_NAMES['issue']}《{first}》"
    return f"{KIND_NAMES['push']} {body.get('date', '')}".strip()


async def _missing_pictures(session: AsyncSession, body: Mapping[str, Any]) -> list[Invalid]:
    missing: list[Invalid] = []
    for field, which in await asyncio.to_thread(limits.pictures_at, body):
        try:
            if isinstance(which, int):
                await pictures.find(session, upload_id=which)
            else:
                await pictures.find(session, sha256=which)
        except UploadNotFound:
            number = int(field.split(".")[1]) + 1
            missing.append(IssueIncomplete(f"第 {number} 篇用到的图片没有上传", field=field))
    return missing


async def _ask_reviewers(session: AsyncSession, manuscript: Manuscript, *, now: datetime) -> None:
    body = await queries.body_of(session, manuscript_id=manuscript.id)
    name = REVIEW_NAMES[manuscript.state]
    title = f"{name}：{title_of(manuscript.kind, body)}"
    flagged = len(manuscript.flags)
    text = "请在 24 小时内审阅。" + (f"有 {flagged} 处提示。" if flagged else "")
    key = f"review:{manuscript.id}:{manuscript.round}:{manuscript.state}"
    role = REVIEWS[manuscript.state][0]
    await open_task(
        session,
        key=key,
        kind=TASK,
        org_id=manuscript.org_id,
        person_id=None,
        role=role,
        title=title,
        text=text,
        due_at=now + REVIEW_TIME,
        manuscript_id=manuscript.id,
        now=now,
    )
    await tell_role(
        session, key=key, role=role, org_id=manuscript.org_id, text=f"{title}\n{text}", now=now
    )


async def _tell_author(
    session: AsyncSession, manuscript: Manuscript, remarks: str, *, now: datetime
) -> None:
    title = title_of(manuscript.kind, await queries.body_of(session, manuscript_id=manuscript.id))
    passed = manuscript.state == "approved"
    if manuscript.author_id is None:
        if not passed:
            await _ask_for_mending(session, manuscript, title, remarks, now=now)
        return
    text = f"{title}：三审通过" if passed else f"{title}：退回修改\n{remarks.strip()}"
    await tell(
        session,
        key=f"reviewed:{manuscript.id}:{manuscript.round}",
        person_id=manuscript.author_id,
        kind="duty",
        text=text,
        now=now,
    )


async def _ask_for_mending(
    session: AsyncSession, manuscript: Manuscript, title: str, remarks: str, *, now: datetime
) -> None:
    """What the service drafted has no author, so whoever edits there mends it."""
    key = f"returned:{manuscript.id}:{manuscript.round}"
    asked = f"退回修改：{title}"
    text = f"{remarks.strip()}\n这是系统起草的稿件，没有作者：请编辑修改后重新送审，或撤回。"
    await open_task(
        session,
        key=key,
        kind=RETURNED,
        org_id=manuscript.org_id,
        person_id=None,
        role="editor",
        title=asked,
        text=text,
        due_at=now + REVIEW_TIME,
        manuscript_id=manuscript.id,
        now=now,
    )
    await tell_role(
        session, key=key, role="editor", org_id=manuscript.org_id, text=f"{asked}\n{text}", now=now
    )

"""A manuscript as people look at it: where it is in its three reviews, and what happened to it."""

from collections.abc import Mapping, Sequence

from app.api.pages.frame import when
from app.editorial.models import Manuscript, ManuscriptStep
from app.editorial.rules import REVIEWS
from app.flows.editorial import REVIEW_NAMES

Step = tuple[str, str, str]
Event = tuple[str, str, str, str]
ROLES = {"editor": "编辑", "chief_editor": "主编", "admin": "管理员"}
DEEDS = {
    "write": "写了第一稿",
    "change": "修改",
    "submit": "送审",
    "schedule": "排期",
    "publish": "开始发出",
    "withdraw": "撤稿",
}
SETTLED = {"published": "已发出", "failed": "没有发出", "unknown": "结果不明"}
OUT = ("published",)
UNDER_WAY = ("scheduled", "publishing", "failed", "unknown")


def progress_of(
    manuscript: Manuscript, steps: Sequence[ManuscriptStep], names: Mapping[int, str | None]
) -> list[Step]:
    """For the stepper: writing, the three reviews of this round, going out."""
    approved = {
        step.step: step
        for step in steps
        if step.round == manuscript.round and step.decision == "approve"
    }
    last = steps[-1] if steps else None
    returned = last.step if last is not None and last.decision == "return" else None
    if manuscript.state == "draft":
        approved = {} if returned is None else approved
    shown = [_written(manuscript, names)]
    for review, (role, _) in REVIEWS.items():
        shown.append(_review(review, role, approved, returned, manuscript, names))
    name = "推送" if manuscript.kind == "push" else "发布"
    shown.append((name, *_out(manuscript)))
    return shown


def _written(manuscript: Manuscript, names: Mapping[int, str | None]) -> Step:
    author = _name(manuscript.author_id, names)
    return ("撰写", author, "now" if manuscript.state == "draft" else "done")


def _review(
    review: str,
    role: str,
    approved: Mapping[str, ManuscriptStep],
    returned: str | None,
    manuscript: Manuscript,
    names: Mapping[int, str | None],
) -> Step:
    title = REVIEW_NAMES[review]
    if review in approved:
        step = approved[review]
        return (title, f"{_name(step.person_id, names)} · {when(step.made_at)}", "done")
    if review == returned and manuscript.state == "draft":
        return (title, "退回修改", "back")
    if manuscript.state == review:
        return (title, f"等{ROLES[role]}审", "now")
    return (title, ROLES[role], "next")


def _out(manuscript: Manuscript) -> tuple[str, str]:
    if manuscript.state in OUT:
        return "", "done"
    if manuscript.state == "approved":
        return "审核通过，等排期", "now"
    if manuscript.state in UNDER_WAY and manuscript.scheduled_at is not None:
        return when(manuscript.scheduled_at), "now"
    return "", "next"


def events_of(steps: Sequence[ManuscriptStep], names: Mapping[int, str | None]) -> list[Event]:
    """The newest first."""
    return [_event(step, names) for step in reversed(steps)]


def _event(step: ManuscriptStep, names: Mapping[int, str | None]) -> Event:
    title, kind = DEEDS.get(step.step, step.step), ""
    if step.decision is not None:
        returned = step.decision == "return"
        title = f"{REVIEW_NAMES[step.step]}{'退回修改' if returned else '通过'}"
        kind = "warn" if returned else ""
    elif step.step == "settle":
        title, kind = SETTLED[step.to_state], "" if step.to_state == "published" else "bad"
    who = _name(step.person_id, names)
    return (when(step.made_at), f"{title} · {who}", step.remarks, kind)


def _name(person_id: int | None, names: Mapping[int, str | None]) -> str:
    if person_id is None:
        return "系统"
    return names.get(person_id) or "工作人员"

"""One transfer down to its evidence, and its reversal."""

from typing import Annotated

from fastapi import Form, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import EmptyIsAbsent, Now, SessionDep
from app.api.pages import desk_figures as figures
from app.api.pages.desk_residents import ask_why
from app.api.pages.doors import AdminActor, go
from app.api.pages.frame import path_in, render
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.errors import NotFound
from app.credit_bank import ledger
from app.credit_bank.rules import Rule
from app.credit_bank.statements import duration_text, explain
from app.flows import proof, reversal, seeing
from app.flows.proof import Proof
from app.people import queries as people
from app.people.policy import Actor

TRANSFERS = "/desk/rankings/transfers"
router = page_router(TRANSFERS)
TransferNo = Annotated[int, Path(ge=1, lt=2**63)]
SeenBy = Annotated[int | None, Query(ge=1, lt=2**63), EmptyIsAbsent]
KIND_NAMES = {
    "award": "学习所得",
    "reinstatement": "恢复记录",
    "reversal": "冲正",
    "merge": "账户合并",
    "unmerge": "撤销合并",
    "conversion": "转换",
}
ONCE_NAMES = {
    "each": "每次都计",
    "object": "同一内容只计一次",
    "day": "每天一次",
    "ever": "只计一次",
}


class NobodysTransfer(NotFound):
    title = "这笔记录不属于任何居民"


@router.get("/{transfer_id}")
async def show_transfer(
    request: Request,
    transfer_id: TransferNo,
    actor: AdminActor,
    session: SessionDep,
    now: Now,
    seen: SeenBy = None,
) -> Response:
    return await _show(request, session, actor, transfer_id, seen, "desk/transfer.html", now)


@router.get("/{transfer_id}/reversal")
async def ask_for_reversal(
    request: Request,
    transfer_id: TransferNo,
    actor: AdminActor,
    session: SessionDep,
    now: Now,
    seen: SeenBy = None,
) -> Response:
    """What would happen, before it does."""
    return await _show(request, session, actor, transfer_id, seen, "desk/reversal.html", now)


@router.post("/{transfer_id}/reversal")
@once
async def reverse_transfer(
    request: Request,
    transfer_id: TransferNo,
    actor: AdminActor,
    reason: Annotated[str, Form(min_length=2, max_length=200)],
    session: SessionDep,
    now: Now,
    seen: SeenBy = None,
) -> Response:
    """By an administrator of the resident's branch; once, never one's own (flows/reversal)."""
    await reversal.reverse(
        session, actor=actor, transfer_id=transfer_id, reason=reason.strip(), now=now
    )
    return go(request, f"{TRANSFERS}/{transfer_id}?done=1" + (f"&seen={seen}" if seen else ""))


async def _show(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    transfer_id: int,
    seen: int | None,
    template: str,
    now: Now,
) -> Response:
    found = await proof.get_proof(session, transfer_id=transfer_id)
    if found.person_id is None:
        raise NobodysTransfer(transfer_id=transfer_id)
    look = await seeing.find_look(
        session, actor=actor, person_id=found.person_id, act_id=seen, now=now
    )
    if look is None:
        return await ask_why(request, session, found.person_id, next_=path_in(request))
    return render(
        request,
        template,
        found=found,
        line=found.line,
        made=found.line.transfer,
        look=look,
        seen=seen,
        here=f"{TRANSFERS}/{transfer_id}",
        transfers=TRANSFERS,
        kind=KIND_NAMES[found.line.transfer.kind],
        said=explain(found.line),
        amount=f"{figures.amount(found.line.amount, found.line.unit)} {found.line.unit.name}",
        terms=_terms(found.line.rule, found),
        staff=await _staff(session, found),
        duration=lambda milliseconds: duration_text(milliseconds // 1000),
        may_reverse=_may_reverse(found, actor),
        is_own=found.person_id == actor.person_id,
        after=f"{figures.amount(found.line.balance_after, found.line.unit)} {found.line.unit.name}",
        done=request.query_params.get("done") == "1" and found.line.reversed_by_id is not None,
    )


def _may_reverse(found: Proof, actor: Actor) -> bool:
    """Whether to offer it; whether it is done, flows/reversal decides."""
    return (
        found.line.transfer.kind in ledger.REVERSIBLE
        and found.line.reversed_by_id is None
        and found.person_id != actor.person_id
    )


def _terms(rule: Rule | None, found: Proof) -> list[tuple[str, str]]:
    """The rule's version in the words of the trade."""
    if rule is None:
        return []
    unit = found.line.unit
    paid = figures.amount(int(rule.formula.get("amount", 0)), unit)
    caps = [
        f"{name}最多 {figures.amount(cap, unit)}"
        for name, cap in (
            ("每天", rule.daily_cap),
            ("每周", rule.weekly_cap),
            ("每年", rule.yearly_cap),
        )
        if cap is not None
    ]
    per = {"per_hour": "每 60 分钟", "fixed": "每次"}.get(str(rule.formula["kind"]), "按比例")
    return [
        ("规则", f"{rule.name}（{rule.code}，第 {rule.version} 版）"),
        ("从何时起", f"{rule.valid_from.year}年{rule.valid_from.month}月{rule.valid_from.day}日"),
        ("怎么算", f"{per} {paid} {unit.name}，{ONCE_NAMES[rule.once]}"),
        ("上限", "，".join(caps) or "没有"),
        ("说明", rule.explanation),
    ]


async def _staff(session: AsyncSession, found: Proof) -> dict[int, str]:
    """Names of the staff that this record names."""
    ids = {found.line.transfer.ordered_by_id}
    if found.attendance is not None:
        ids.add(found.attendance.attendance.confirmed_by_id)
    if found.prior is not None:
        ids |= {found.prior.confirmed_by_id, found.prior.approved_by_id}
    names = {}
    for one in ids - {None}:
        assert one is not None
        names[one] = (await people.get_person(session, one)).name or "已注销的工作人员"
    return names

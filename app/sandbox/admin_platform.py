"""The admin API, part two: accounts, faults, and what has been called and pushed."""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, RedirectResponse

from app.core import clock
from app.core.errors import Conflict, NotFound
from app.sandbox import forgeries
from app.sandbox import schemas as s
from app.sandbox.accounts import Account
from app.sandbox.admin_users import Here
from app.sandbox.callbacks import Outcome, deliver, verify_url
from app.sandbox.faults import Fault
from app.sandbox.pages import render_page
from app.sandbox.tokens import expire_tokens
from app.sandbox.world import CallbackRecord, CallRecord, World

router = APIRouter(prefix="/_sandbox", tags=["platform"])
fault_numbers = count(1)
After = Annotated[int, Query(description="only records with a higher number")]
Limit = Annotated[int, Query(ge=1, le=5000, description="the newest so many, oldest first")]


@router.get("/accounts", response_model=list[s.AccountOut], summary="Both accounts and their knobs")
async def list_accounts(world: Here) -> list[Account]:
    return list(world.accounts.values())


@router.patch("/accounts/{appid}", response_model=s.AccountOut, summary="Turn an account's knobs")
async def change_account(world: Here, appid: str, form: s.AccountChange) -> Account:
    account = world.get_account(appid)
    for name, value in form.model_dump(exclude_unset=True).items():
        if value is not None or name == "allowed_ips":
            setattr(account, name, value)
    return account


@router.post("/accounts/{appid}/verify", summary="Verify the callback address, as in the console")
async def verify_account(world: Here, appid: str) -> dict[str, bool]:
    return {"verified": await verify_url(world, world.get_account(appid))}


@router.post(
    "/accounts/{appid}/release",
    response_model=list[s.OutcomeOut],
    summary="Deliver what was held back, in order or in reverse",
)
async def release(world: Here, appid: str, form: s.Release) -> list[Outcome]:
    account = world.get_account(appid)
    account.holding = False
    held, account.held = account.held, []
    if form.order == "last_to_first":
        held.reverse()
    return [await deliver(world, push) for push in held]


@router.post("/accounts/{appid}/tokens", summary="Let the account's tokens end now")
async def end_tokens(world: Here, appid: str, form: s.TokenEnd) -> dict[str, int]:
    ended = expire_tokens(world, world.get_account(appid), dead=form.how == "replace")
    return {"ended": ended}


@router.get("/qrcodes", response_model=list[s.QrCodeOut], summary="Parametric codes in force")
async def list_qrcodes(world: Here) -> list[s.QrCodeOut]:
    now = clock.utcnow()
    return [
        s.QrCodeOut(
            scene=code.scene,
            ticket=code.ticket,
            url=code.url,
            expires_at=code.expires_at,
            image=f"/cgi-bin/showqrcode?ticket={code.ticket}",
        )
        for code in world.oa.qrcodes.values()
        if code.expires_at is None or code.expires_at > now
    ]


@router.get("/faults", response_model=list[s.FaultOut], summary="Faults still waiting")
async def list_faults(world: Here) -> list[Fault]:
    return world.faults.waiting


@router.post("/faults", response_model=s.FaultOut, summary="Let coming calls go wrong")
async def add_fault(world: Here, form: s.NewFault) -> Fault:
    fault = Fault(**form.model_dump(), number=next(fault_numbers))
    world.faults.waiting.append(fault)
    return fault


@router.delete("/faults", status_code=204, summary="No more faults")
async def clear_faults(world: Here) -> None:
    world.faults.waiting.clear()


@router.get("/calls", response_model=list[s.CallOut], summary="Calls the service made to Tencent")
async def list_calls(world: Here, after: After = 0, limit: Limit = 200) -> Sequence[CallRecord]:
    return [call for call in world.calls if call.number > after][-limit:]


@router.get("/callbacks", response_model=list[s.CallbackOut], summary="Callbacks pushed so far")
async def list_callbacks(
    world: Here, after: After = 0, limit: Limit = 200
) -> Sequence[CallbackRecord]:
    return [record for record in world.callbacks if record.number > after][-limit:]


@router.get("/callbacks/{number}", response_model=s.CallbackDetail, summary="One, with its text")
async def get_callback(world: Here, number: int) -> s.CallbackDetail:
    record = _callback(world, number)
    sent = record.request
    return s.CallbackDetail(
        **s.CallbackOut.model_validate(record).model_dump(),
        url=None if sent is None else str(sent.url),
        body=None if sent is None else sent.content.decode(),
        message=dict(record.message),
        answer=record.answer,
        reply=record.reply,
        error=record.error,
    )


@router.post(
    "/callbacks/{number}/replay",
    response_model=list[s.RefusalOut],
    summary="Send an old request again, byte for byte",
)
async def replay(
    world: Here, number: int, times: Annotated[int, Query(ge=1, le=50)] = 1
) -> list[forgeries.Refusal]:
    sent = _callback(world, number).request
    if sent is None:
        raise Conflict("这条回调还没有发出过")
    copies = (forgeries.again(world, sent) for _ in range(times))
    return await asyncio.gather(*(forgeries.send_once(world, copy) for copy in copies))


@router.post("/reset", status_code=204, summary="Forget everything, as after a restart")
async def reset(world: Here, keep: Literal["nothing", "users"] = "nothing") -> None:
    """With `keep=users` only the faults, calls, callbacks and knobs are forgotten.

    Groups and the company's members are kept with the users.
    """
    users, openids = world.users, world.openids
    groups, members = world.groups, world.corp.members
    world.reset()
    if keep == "users":
        world.users, world.openids = users, openids
        world.groups, world.corp.members = groups, members


@router.get("/docs", include_in_schema=False)
async def show_docs(world: Here) -> HTMLResponse:
    return render_page("docs.html", accounts=list(world.accounts.values()))


@router.get("", include_in_schema=False)
async def show_root() -> RedirectResponse:
    return RedirectResponse("/_sandbox/docs")


def _callback(world: World, number: int) -> CallbackRecord:
    for record in world.callbacks:
        if record.number == number:
            return record
    raise NotFound("没有这条回调", callback=number)

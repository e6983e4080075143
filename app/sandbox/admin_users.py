"""The admin API, part one: residents and what they do. Each act waits for the service's answer."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from app.core import clock
from app.core.errors import Invalid
from app.sandbox import acts, forgeries
from app.sandbox import schemas as s
from app.sandbox.callbacks import Outcome, deliver
from app.sandbox.world import Bubble, Following, User, World, make_code, make_user

# ruff: noqa: FAST003  the dependency `user_of` takes the path's user_id

router = APIRouter(prefix="/_sandbox/users", tags=["residents"])


async def world_of(request: Request) -> World:
    world: World = request.app.state.world
    return world


Here = Annotated[World, Depends(world_of)]


async def user_of(world: Here, user_id: str) -> User:
    return world.get_user(user_id)


Resident = Annotated[User, Depends(user_of)]


@router.post("", response_model=s.UserOut, summary="A new resident, or the same one again")
async def create_user(world: Here, form: s.NewUser) -> s.UserOut:
    known = {user.base: user for user in world.users.values()}
    user = known.get(form.openid_base or "")
    if user is None:
        user = make_user(world, name=form.name, base=form.openid_base, phone=form.phone)
        user.has_unionid = form.unionid
    if form.followed and user.following is None:
        user.following = Following(clock.utcnow(), None)
    if form.duty is not None:
        user.duty, user.opens = form.duty, form.opens
    return s.user_out(world, user)


@router.get("", response_model=list[s.UserOut], summary="Residents, in the order of their making")
async def list_users(world: Here, q: str = "", limit: int = 500) -> list[s.UserOut]:
    found = [user for user in world.users.values() if q in user.name]
    return [s.user_out(world, user) for user in found[:limit]]


@router.get("/{user_id}", response_model=s.UserOut, summary="One resident")
async def get_user(world: Here, user: Resident) -> s.UserOut:
    return s.user_out(world, user)


@router.patch("/{user_id}", response_model=s.UserOut, summary="Change what Tencent thinks of one")
async def change_user(world: Here, user: Resident, form: s.UserChange) -> s.UserOut:
    user.blocked = user.blocked if form.blocked is None else form.blocked
    user.has_unionid = user.has_unionid if form.unionid is None else form.unionid
    user.phone = form.phone or user.phone
    return s.user_out(world, user)


@router.post("/{user_id}/follow", response_model=s.OutcomeOut, summary="Follow the account")
async def follow(world: Here, user: Resident, form: s.Follow) -> Outcome:
    return await acts.follow(world, user, scene=form.scene)


@router.post("/{user_id}/unfollow", response_model=s.OutcomeOut, summary="Stop following")
async def unfollow(world: Here, user: Resident) -> Outcome:
    return await acts.unfollow(world, user)


@router.post("/{user_id}/text", response_model=s.OutcomeOut, summary="Write to the account")
async def write_text(world: Here, user: Resident, form: s.Text) -> Outcome:
    """With `copies`, the platform delivers the very same message several times at once."""
    if form.copies == 1:
        return await acts.write(world, user, "text", Content=form.text)
    push = acts.make_act(world, user, {"type": "text", "text": form.text})
    outcomes = await asyncio.gather(*(deliver(world, push) for _ in range(form.copies)))
    return outcomes[-1]


@router.post("/{user_id}/message", response_model=s.OutcomeOut, summary="Send a picture, a place …")
async def write_message(world: Here, user: Resident, form: s.Message) -> Outcome:
    return await acts.write(world, user, form.type, **form.fields)


@router.post("/{user_id}/menu", response_model=s.TapOut, summary="Tap the menu")
async def tap_menu(world: Here, user: Resident, form: s.Tap) -> s.TapOut:
    if form.path is not None:
        button = acts.find_button(world.oa, form.path)
    elif form.key is not None:
        # Also a key the menu no longer has: phones keep an old menu for a day.
        button = {"type": "click", "key": form.key}
    else:
        raise Invalid("给出 key 或 path")
    outcome = await acts.tap(world, user, button)
    opens = button.get("pagepath") or button.get("url")
    return s.TapOut.model_validate(outcome).model_copy(update={"opens": opens})


@router.post("/{user_id}/scan", response_model=s.OutcomeOut, summary="Scan a parametric QR code")
async def scan(world: Here, user: Resident, form: s.Scan) -> Outcome:
    return await acts.scan(world, user, form.scene)


@router.post(
    "/{user_id}/revoke",
    response_model=s.OutcomeOut,
    summary="Withdraw consent: user_authorization_revoke to the mini-program",
)
async def revoke(world: Here, user: Resident, form: s.Revoke) -> Outcome:
    return await acts.revoke(world, user, info=form.info)


@router.post(
    "/{user_id}/burst",
    response_model=list[s.OutcomeOut],
    summary="Several acts with one CreateTime, delivered together",
)
async def burst(world: Here, user: Resident, form: s.Burst) -> Sequence[Outcome]:
    pushes = acts.at_the_same_second([acts.make_act(world, user, act) for act in form.acts])
    return await asyncio.gather(*(deliver(world, push) for push in pushes))


@router.post(
    "/{user_id}/forge",
    response_model=s.RefusalOut,
    summary="Send a forged or broken callback in this resident's name",
)
async def forge(world: Here, user: Resident, form: s.Forgery) -> forgeries.Refusal:
    account = world.oa if form.appid is None else world.get_account(form.appid)
    return await forgeries.send_forgery(world, account, user, form.kind)


@router.get("/{user_id}/chat", response_model=list[s.BubbleOut], summary="The chat transcript")
async def read_chat(
    user: Resident, after: Annotated[int, Query(description="only bubbles with a higher id")] = 0
) -> list[Bubble]:
    return [bubble for bubble in user.chat if bubble.id > after]


@router.post("/{user_id}/mini-code", response_model=s.CodeOut, summary="wx.login")
async def make_mini_code(world: Here, user: Resident) -> s.CodeOut:
    user.mini_active_at = clock.utcnow()
    return s.CodeOut(code=make_code(world, "mini", world.mini.appid, user).value)


@router.post("/{user_id}/phone-code", response_model=s.CodeOut, summary="getPhoneNumber")
async def make_phone_code(world: Here, user: Resident) -> s.CodeOut:
    return s.CodeOut(code=make_code(world, "phone", world.mini.appid, user).value)

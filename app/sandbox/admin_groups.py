"""The admin API, part of the groups: groups of every kind, owners who confirm, knobs of WeCom."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from app.core import clock
from app.core.errors import NotFound
from app.sandbox import wecom_tasks
from app.sandbox.admin_users import Here
from app.sandbox.corp import Member, Task, TaskState
from app.sandbox.group_chat import hear
from app.sandbox.groups import Group, GroupKind, Said, Speaker, find_group, make_group
from app.sandbox.schemas import Form, Name
from app.sandbox.world import World

router = APIRouter(prefix="/_sandbox", tags=["groups"])
After = Annotated[int, Query(description="only messages with a higher id")]


class NewGroup(Form):
    kind: GroupKind
    name: Name
    address: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="the robot's key, the chat id or the group's openid; the same kind and address "
        "give the same group; made up if missing",
    )
    members: list[Name] = Field(default_factory=list, description="names, as they appear")
    owner: Name | None = Field(default=None, description="userid of a customer group's owner")
    allow_proactive: bool = Field(default=False, description="a QQ bot may speak first")


class GroupChange(Form):
    name: Name | None = None
    members: list[Name] | None = None
    owner: Name | None = None
    allow_proactive: bool | None = None


class GroupOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: GroupKind
    name: str
    address: str
    members: list[str]
    owner: str | None
    allow_proactive: bool
    removed: bool = Field(description="the robot is out of the group, or the group is dissolved")


class SaidOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    msg_id: str = Field(description="what a QQ bot answers by")
    at: datetime
    sender: str
    by: Speaker
    type: str
    content: dict[str, Any] = Field(description="text; articles of news and of links")


class Forward(Form):
    user: Name = Field(description="a resident's id, or any member's name")
    text: str = Field(min_length=1, max_length=4000)


class ResultOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    status: int = Field(description="0 未发送, 1 已发送, 2 非好友, 3 已收到其他群发")
    sent_at: datetime | None


class TaskOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    msg_id: str
    sender: str
    text: str
    attachments: list[dict[str, Any]]
    made_at: datetime
    state: TaskState
    results: dict[str, ResultOut] = Field(description="chat id → what became of it")
    reminded_at: list[datetime]


class NewMember(Form):
    userid: Name
    name: Name | None = None


class MemberOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    userid: str
    name: str
    messages: list[SaidOut] = Field(description="what our app wrote to them")


class CorpKnobs(Form):
    trusted: bool | None = Field(default=None, description="false: calls of our app get 60020")
    token_seconds: int | None = Field(default=None, ge=1, le=7200)


class CorpOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    trusted: bool
    token_seconds: int


@router.post("/groups", response_model=GroupOut, summary="A new group, or the same one again")
async def create_group(world: Here, form: NewGroup) -> Group:
    if form.address is not None:
        known = find_group(world.groups.values(), form.kind, form.address)
        if known is not None:
            return known
    facts = form.model_dump(exclude={"kind"})
    group = make_group(form.kind, **facts)
    world.groups[group.id] = group
    if group.owner is not None:
        world.corp.add_member(group.owner)
    return group


@router.get(
    "/groups", response_model=list[GroupOut], summary="Groups, in the order of their making"
)
async def list_groups(
    world: Here, kind: GroupKind | None = None, address: str | None = None
) -> list[Group]:
    return [
        one
        for one in world.groups.values()
        if kind in {None, one.kind} and address in {None, one.address}
    ]


@router.get("/groups/{group_id}", response_model=GroupOut, summary="One group")
async def get_group(world: Here, group_id: str) -> Group:
    return world.get_group(group_id)


@router.patch("/groups/{group_id}", response_model=GroupOut, summary="Change a group")
async def change_group(world: Here, group_id: str, form: GroupChange) -> Group:
    group = world.get_group(group_id)
    for name, value in form.model_dump(exclude_none=True).items():
        setattr(group, name, value)
    if group.owner is not None:
        world.corp.add_member(group.owner)
    return group


@router.get(
    "/groups/{group_id}/messages",
    response_model=list[SaidOut],
    summary="What the members see, oldest first",
)
async def list_messages(world: Here, group_id: str, after: After = 0) -> list[Said]:
    return [said for said in world.get_group(group_id).chat if said.id > after]


@router.get("/groups/{group_id}/messages/{number}/image", include_in_schema=False)
async def show_image(world: Here, group_id: str, number: int) -> Response:
    for said in world.get_group(group_id).chat:
        if said.id == number and said.image is not None:
            kind = "png" if said.image.startswith(b"\x89PNG") else "jpeg"
            return Response(said.image, media_type=f"image/{kind}")
    raise NotFound("没有这张图片", message=number)


@router.post(
    "/groups/{group_id}/forward",
    response_model=SaidOut,
    summary="A member writes or forwards something by hand",
)
async def forward(world: Here, group_id: str, form: Forward) -> Said:
    resident = world.users.get(form.user)
    sender = form.user if resident is None else resident.name
    return hear(world, world.get_group(group_id), sender, form.text)


@router.post(
    "/groups/{group_id}/remove",
    response_model=GroupOut,
    summary="Throw the robot out, or dissolve the group",
)
async def remove_group(world: Here, group_id: str) -> Group:
    group = world.get_group(group_id)
    group.removed = True
    return group


@router.post("/groups/{group_id}/restore", response_model=GroupOut, summary="Take that back")
async def restore_group(world: Here, group_id: str) -> Group:
    group = world.get_group(group_id)
    group.removed = False
    return group


@router.get("/wecom", response_model=CorpOut, summary="WeCom's knobs")
async def get_corp(world: Here) -> object:
    return world.corp


@router.patch("/wecom", response_model=CorpOut, summary="Turn WeCom's knobs")
async def change_corp(world: Here, form: CorpKnobs) -> object:
    for name, value in form.model_dump(exclude_none=True).items():
        setattr(world.corp, name, value)
    return world.corp


@router.post("/wecom/members", response_model=MemberOut, summary="A member of the company")
async def create_member(world: Here, form: NewMember) -> Member:
    """The same userid again changes nothing but the name."""
    member = world.corp.add_member(form.userid, form.name)
    member.name = form.name or member.name
    return member


@router.get(
    "/wecom/members", response_model=list[MemberOut], summary="Members, with their messages"
)
async def list_members(world: Here) -> list[Member]:
    return list(world.corp.members.values())


@router.get("/wecom/tasks", response_model=list[TaskOut], summary="Tasks for owners, oldest first")
async def list_tasks(world: Here, state: TaskState | None = None) -> list[Task]:
    return [one for one in world.corp.tasks.values() if state in {None, one.state}]


@router.post("/wecom/tasks/{msg_id}/confirm", response_model=TaskOut, summary="The owner sends it")
async def confirm_task(world: Here, msg_id: str) -> Task:
    task = _task(world, msg_id)
    wecom_tasks.confirm(world, task)
    return task


@router.post("/wecom/tasks/{msg_id}/refuse", response_model=TaskOut, summary="The owner does not")
async def refuse_task(world: Here, msg_id: str) -> Task:
    task = _task(world, msg_id)
    wecom_tasks.refuse(task)
    return task


@router.post("/wecom/end-token", status_code=204, summary="Let WeCom's token end now: 42001")
async def end_wecom_token(world: Here) -> None:
    if world.corp.token is not None:
        world.corp.token.expires_at = clock.real_now()


@router.post("/qq/end-token", status_code=204, summary="Let QQ's tokens end now: 401, 11244")
async def end_qq_token(world: Here) -> None:
    world.bot.tokens.clear()


def _task(world: World, msg_id: str) -> Task:
    if msg_id not in world.corp.tasks:
        raise NotFound("没有这个群发任务", msg_id=msg_id)
    return world.corp.tasks[msg_id]

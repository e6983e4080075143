"""Bodies and answers of the admin API."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.sandbox.accounts import Mode
from app.sandbox.faults import FaultKind
from app.sandbox.forgeries import ForgeryKind
from app.sandbox.permissions import Profile
from app.sandbox.world import User, World

Name = Annotated[str, Field(min_length=1, max_length=64)]
Scene = Annotated[str, Field(min_length=1, max_length=256)]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewUser(Form):
    name: Name = Field(description="the resident's name; any text, also markup")
    openid_base: str | None = Field(
        default=None,
        description="the same base gives the same openids and id, also after a restart",
    )
    unionid: bool = Field(default=True, description="whether the platform tells the unionid")
    phone: str | None = Field(default=None, description="what getuserphonenumber will tell")
    followed: bool = Field(
        default=False, description="follows already, without an event: to restore after a restart"
    )
    duty: str | None = Field(
        default=None, max_length=100, description="one of the staff: what they do, for /staff"
    )
    opens: str = Field(default="/", max_length=200, description="where in the service they begin")


class UserChange(Form):
    blocked: bool | None = Field(default=None, description="jscode2session refuses with 40226")
    unionid: bool | None = None
    phone: str | None = None


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    openid_base: str
    openids: dict[str, str] = Field(description="appid → openid")
    unionid: str | None
    phone: str
    following: bool
    blocked: bool
    duty: str | None
    opens: str


class Reply(BaseModel):
    model_config = ConfigDict(extra="allow")

    type: str = Field(description="text, news, image, voice, video, music, …")
    text: str | None = None
    articles: list[dict[str, str]] | None = Field(
        default=None, description="of news: title, description, picurl, url"
    )


class OutcomeOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    callback: int | None = Field(description="number in GET /_sandbox/callbacks; null while held")
    delivered: bool = Field(description="the service gave an answer that WeChat accepts")
    tries: int
    ms: int
    reply: Reply | None = Field(description="the passive reply; null after `success` or nothing")
    error: str | None = Field(
        description="held, url_not_verified, timeout, connection: …, HTTP nnn, or what is wrong "
        "with the answer; the chat then shows 该公众号暂时无法提供服务，请稍后再试"
    )


class TapOut(OutcomeOut):
    opens: str | None = Field(default=None, description="the address or page the button opens")


class Follow(Form):
    scene: Scene | None = Field(default=None, description="a QR code's scene, ticket or address")


class Text(Form):
    text: str = Field(min_length=1)
    copies: int = Field(default=1, ge=1, le=20, description="the same message this many times")


class Message(Form):
    type: Literal["image", "voice", "video", "shortvideo", "location", "link"]
    fields: dict[str, str | int | float] = Field(description="the fields of its XML, as given")


class Tap(Form):
    key: str | None = Field(default=None, description="a click on a button with this key")
    path: list[int] | None = Field(default=None, description="[column] or [column, row]")


class Scan(Form):
    scene: Scene = Field(description="a QR code's scene, ticket or address")


class Revoke(Form):
    info: str = Field(default="6", description="RevokeInfo: 6 nickname and portrait, 8 phone, …")


class Burst(Form):
    """Several things in the same second, sent together."""

    acts: list[dict[str, str]] = Field(
        min_length=1,
        max_length=200,
        description='{"type": "text", "text"}, {"type": "menu", "key"}, {"type": "scan", "scene"}',
    )


class Forgery(Form):
    kind: ForgeryKind
    appid: str | None = Field(default=None, description="the callback to attack; default the OA's")


class RefusalOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    status: int | None = Field(description="HTTP status; null when no answer came")
    body: str
    ms: int


class BubbleOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    sender: Literal["user", "account", "system"]
    type: str
    content: dict[str, Any]


class CodeOut(BaseModel):
    code: str


class AccountOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    appid: str
    name: str
    kind: Literal["oa", "mini"]
    profile: Profile
    mode: Mode
    format: Literal["xml", "json"]
    unionid: bool
    token_seconds: int
    allowed_ips: list[str] | None
    oauth_host: str
    double_redirect: bool
    snapshot: bool
    holding: bool
    url_verified: bool
    menu: dict[str, Any] | None


class AccountChange(Form):
    profile: Profile | None = Field(default=None, description="what the account may call")
    mode: Mode | None = Field(default=None, description="of its callbacks")
    format: Literal["xml", "json"] | None = None
    unionid: bool | None = Field(default=None, description="bound to an open-platform account")
    token_seconds: int | None = Field(default=None, ge=1, le=7200, description="for new tokens")
    allowed_ips: list[str] | None = Field(default=None, description="else 40164; null: anybody")
    oauth_host: str | None = Field(default=None, description="the host redirect_uri must have")
    double_redirect: bool | None = Field(default=None, description="OAuth visits the address twice")
    snapshot: bool | None = Field(default=None, description="OAuth shows a virtual user")
    holding: bool | None = Field(default=None, description="keep callbacks until …/release")


class Release(Form):
    order: Literal["first_to_last", "last_to_first"] = "first_to_last"


class TokenEnd(Form):
    how: Literal["expire", "replace"] = Field(description="42001, or 40001, for tokens out now")


class NewFault(Form):
    path: str = Field(description="exact path of a call, or a prefix ending with *")
    kind: FaultKind
    count: int = Field(default=1, ge=1, description="how many calls it hits")
    errcode: int = Field(default=-1, description="for kind errcode")
    seconds: float = Field(default=0, ge=0, le=60, description="for kind latency")


class FaultOut(NewFault):
    model_config = ConfigDict(from_attributes=True)

    number: int


class CallOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    number: int
    at: datetime
    method: str
    path: str
    appid: str | None
    errcode: int
    note: str = Field(description="the fault that hit it, if any")
    ms: int


class CallbackOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    number: int
    at: datetime
    appid: str
    user_id: str
    label: str = Field(description="MsgType, or the Event")
    outcome: str = Field(
        description="reply, success, garbage, timeout, connection, HTTP nnn, url_not_verified"
    )
    tries: int
    ms: int


class CallbackDetail(CallbackOut):
    url: str | None
    body: str | None
    message: dict[str, Any] = Field(description="what is inside, before it was sealed")
    answer: str
    reply: dict[str, Any] | None = Field(description="what was inside the answer")
    error: str | None


class QrCodeOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    scene: str
    ticket: str
    url: str
    expires_at: datetime | None
    image: str = Field(description="path of the picture on this server")


def user_out(world: World, user: User) -> UserOut:
    return UserOut(
        id=user.id,
        name=user.name,
        openid_base=user.base,
        openids={appid: user.openid(appid) for appid in world.accounts},
        unionid=user.unionid if user.has_unionid else None,
        phone=user.phone,
        following=user.following is not None,
        blocked=user.blocked,
        duty=user.duty,
        opens=user.opens,
    )

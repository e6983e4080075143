"""Bodies and answers of the admin API about publishing and notices."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.sandbox.articles import url_of
from app.sandbox.press import Article, Draft, FinishEvent, Mass, MassState, Post, Publication
from app.sandbox.schemas import Form
from app.sandbox.world import World

Seconds = Annotated[float, Field(ge=0, le=86_400)]
MassOutcome = Annotated[str, Field(pattern=r"^(send success|send fail|err\(\d{5}\))$")]
TemplateId = Annotated[str, Field(min_length=1, max_length=128)]


class KnobsChange(Form):
    publish_seconds: Seconds | None = Field(
        default=None, description="from submit to the end, on the service's clock"
    )
    mass_seconds: Seconds | None = Field(default=None, description="the same for a mass send")
    finish_event: FinishEvent | None = Field(
        default=None,
        description="how often the job-finish events come; before_answer: the job ends, and the "
        "event arrives, before the call is answered",
    )
    next_publish_status: Literal[0, 2, 3, 4] | None = Field(
        default=None, description="of the next submit: 0 published, 2 not original, 3, 4 refused"
    )
    next_submit_errcode: Literal[0, 53503, 53504, 53505] | None = Field(
        default=None, description="the next submit is refused; 0 takes it back"
    )
    next_mass_status: MassOutcome | None = Field(
        default=None,
        description="Status of the next mass send: send success, send fail, err(NNNNN)",
    )
    admin_confirms: bool | None = Field(
        default=None, description="sends to all wait 30 minutes (service's clock) for a thumb"
    )
    repeat_seconds: Seconds | None = Field(
        default=None,
        description="a clientmsgid repeated within so many real seconds: 45066 instead of 45065",
    )


class PublishingOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    publish_seconds: float
    mass_seconds: float
    finish_event: FinishEvent
    next_publish_status: int
    next_submit_errcode: int
    next_mass_status: str
    admin_confirms: bool
    repeat_seconds: float
    images: int = Field(default=0, description="different pictures uploaded")
    materials: int = Field(default=0, description="permanent ones in the library")
    drafts: int = 0
    publications: int = 0
    mass_sends: int = 0
    jobs: int = Field(default=0, description="still under way")


class ArticleOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    title: str
    author: str
    digest: str
    source_url: str
    content: str = Field(description="after the platform has cleaned it")
    url: str = Field(description="where it is, or will be, published")


class DraftOut(BaseModel):
    media_id: str
    made_at: datetime
    articles: list[ArticleOut]


class PostOut(BaseModel):
    article_id: str
    at: datetime
    how: Literal["publish", "mass"]
    banned: bool
    articles: list[ArticleOut] = Field(description="without the deleted ones")


class PublicationOut(BaseModel):
    publish_id: str
    media_id: str
    made_at: datetime
    status: int = Field(description="0 published, 1 under way, 2 to 4 failed, 5 deleted, 6 banned")
    article_id: str | None
    titles: list[str]


class MassOut(BaseModel):
    msg_id: int
    media_id: str
    made_at: datetime
    client_msg_id: str
    to_all: bool
    tag_id: int | None
    by_hand: bool
    state: MassState = Field(description="waiting: for the administrator's confirmation")
    status: str = Field(description="as MASSSENDJOBFINISH says it; empty before the end")
    sent: int = Field(description="followers it reached")
    article_id: str | None
    titles: list[str]


class Settled(BaseModel):
    settled: int = Field(description="jobs that ended")


class ByHand(Form):
    """What a person posts in mp.weixin.qq.com: a draft, or something written there."""

    media_id: str | None = Field(default=None, description="of a draft; it leaves the box")
    title: str = Field(default="手工发表的文章", min_length=1, max_length=32)
    content: str = Field(default="<p>由管理员在公众平台手工发表。</p>", max_length=20_000)
    source_url: str = Field(default="", max_length=1024)
    event: bool = Field(default=False, description="whether a job-finish event is pushed as well")


class TagMembers(Form):
    users: list[str] = Field(description="ids of residents; an unknown tag is refused with 45159")


class Popup(Form):
    choices: dict[TemplateId, bool] = Field(
        min_length=1, max_length=3, description="template_id → accepted; each adds one message"
    )
    long_term: bool = Field(default=False, description="the consent is not used up")


class ConsentChange(Form):
    template_id: TemplateId
    accept: bool


class ConsentOut(BaseModel):
    template_id: str
    left: int
    long_term: bool


class NewTemplate(Form):
    title: str = Field(min_length=1, max_length=64)
    names: dict[str, str] = Field(
        default_factory=dict,
        description='key → what stands before the value, e.g. {"thing1": "课程"}; then exactly '
        "these keys must be sent. Unknown templates take any keys",
    )


class TemplateOut(NewTemplate):
    model_config = ConfigDict(from_attributes=True)

    template_id: str


def article_out(world: World, article: Article) -> ArticleOut:
    return ArticleOut(
        title=article.title,
        author=article.author,
        digest=article.digest,
        source_url=article.source_url,
        content=article.content,
        url=url_of(world, article),
    )


def draft_out(world: World, draft: Draft) -> DraftOut:
    return DraftOut(
        media_id=draft.media_id,
        made_at=draft.made_at,
        articles=[article_out(world, one) for one in draft.articles],
    )


def post_out(world: World, post: Post) -> PostOut:
    return PostOut(
        article_id=post.article_id,
        at=post.at,
        how=post.how,
        banned=post.banned,
        articles=[article_out(world, one) for one in post.visible],
    )


def publication_out(publication: Publication) -> PublicationOut:
    return PublicationOut(
        publish_id=publication.publish_id,
        media_id=publication.media_id,
        made_at=publication.made_at,
        status=publication.status,
        article_id=publication.post.article_id if publication.post else None,
        titles=[one.title for one in publication.articles],
    )


def mass_out(mass: Mass) -> MassOut:
    return MassOut(
        msg_id=mass.msg_id,
        media_id=mass.media_id,
        made_at=mass.made_at,
        client_msg_id=mass.client_msg_id,
        to_all=mass.to_all,
        tag_id=mass.tag_id,
        by_hand=mass.by_hand,
        state=mass.state,
        status=mass.status,
        sent=len(mass.received_by),
        article_id=mass.post.article_id if mass.post else None,
        titles=[one.title for one in mass.articles],
    )

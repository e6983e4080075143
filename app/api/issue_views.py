"""What the staff see of an issue: its articles, its reviews, what the platform would refuse."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.schemas import Body, OrgOut
from app.core.errors import DomainError
from app.editorial import pictures, queries
from app.editorial.errors import UploadNotFound
from app.editorial.models import Manuscript, ManuscriptStep
from app.flows import editorial as flow
from app.people import queries as people
from app.people.policy import Actor

TEXT_MAX = 60_000
"""A draft may be longer than the platform takes: `problems` says so, and nothing is lost."""


class ArticleIn(Body):
    title: str = Field(max_length=500, description="Up to 32 characters are published")
    author: str = Field(default="", max_length=200, description="Up to 16 characters")
    digest: str = Field(
        default="", max_length=2000, description="Up to 128 characters; empty: the text's beginning"
    )
    markdown: str = Field(
        max_length=TEXT_MAX,
        description="The text; pictures as `![说明](/uploads/<sha256>.jpg)`, from POST /uploads",
    )
    cover: int | None = Field(
        default=None, ge=1, lt=2**63, description="Id of the cover's upload; needed to submit"
    )


class ArticleOut(BaseModel):
    title: str = Field(description="Its title")
    author: str = Field(description="Who signs it; may be empty")
    digest: str = Field(description="Shown in the list; may be empty")
    markdown: str = Field(description="The text")
    cover: int | None = Field(description="Id of the cover's upload; null: none yet")
    cover_url: str | None = Field(description="Where the cover can be seen")


class StaffOut(BaseModel):
    id: int = Field(description="The person's number")
    name: str | None = Field(description="As the person wants to be called")


class StepOut(BaseModel):
    step: str = Field(description="`first_review`, `second_review`, `final_review`, `submit`, …")
    decision: str | None = Field(description="`approve` or `return`; null: not a review")
    person: StaffOut | None = Field(description="Who did it; null: the service itself")
    remarks: str = Field(description="What was said with it; may be empty")
    at: datetime = Field(description="When")
    digest: str = Field(description="The content it was about")
    counts: bool = Field(description="Whether it is about the content as it is now, this round")


class ProblemOut(BaseModel):
    code: str = Field(description="IssueTooLong, IssueIncomplete or ExternalPicture")
    text: str = Field(description="In Chinese, for people")
    field: str | None = Field(description="Where, e.g. `articles.0.title`")
    count: int | None = Field(description="How many there are, where it counts")
    limit: int | None = Field(description="How many there may be")


class FlagOut(BaseModel):
    where: str = Field(
        description="Where, e.g. `articles.0.markdown`; empty: nowhere in particular"
    )
    word: str = Field(description="The word")
    why: str = Field(description="Why to look at it")
    passage: str = Field(default="", description="The words around it, if known")


class IssueRow(BaseModel):
    id: int = Field(description="Its id")
    kind: str = Field(description="`issue`")
    state: str = Field(description="draft, first_review, …, approved, scheduled, …, published")
    title: str = Field(description="How people call it")
    version: int = Field(description="Number of the content as it is now")
    digest: str = Field(description="SHA-256 of the content as it is now")
    org: OrgOut = Field(description="Whose issue it is")
    author: StaffOut | None = Field(description="Who wrote it first")
    scheduled_at: datetime | None = Field(description="When it goes out; null: not set")
    made_at: datetime = Field(description="When it was written")
    changed_at: datetime = Field(description="When something last happened to it")


class IssueOut(IssueRow):
    articles: list[ArticleOut] = Field(description="1 to 8, in their order")
    reviews: list[StepOut] = Field(description="Every review it ever had, the oldest first")
    steps: list[StepOut] = Field(description="Everything that happened to it, the oldest first")
    problems: list[ProblemOut] = Field(description="What the platform would refuse; while a draft")
    flags: list[FlagOut] = Field(description="Passages that a reviewer should look at")
    outcome: dict[str, Any] | None = Field(description="Facts once it is over: urls, status, …")


async def issue_row(session: AsyncSession, manuscript: Manuscript) -> IssueRow:
    body = await queries.body_of(session, manuscript_id=manuscript.id)
    organisation = await people.get_organisation(session, manuscript.org_id)
    return IssueRow(
        id=manuscript.id,
        kind=manuscript.kind,
        state=manuscript.state,
        title=flow.title_of(manuscript.kind, body),
        version=manuscript.version,
        digest=manuscript.digest,
        org=OrgOut(code=organisation.code, name=organisation.name),
        author=await staff_out(session, manuscript.author_id),
        scheduled_at=manuscript.scheduled_at,
        made_at=manuscript.made_at,
        changed_at=manuscript.changed_at,
    )


async def issue_out(session: AsyncSession, manuscript: Manuscript, actor: Actor) -> IssueOut:
    del actor
    body = await queries.body_of(session, manuscript_id=manuscript.id)
    problems: Sequence[DomainError] = ()
    if manuscript.state == "draft":
        problems = await flow.problems_of(session, kind=manuscript.kind, body=body)
    steps = await queries.list_steps(session, manuscript_id=manuscript.id)
    told = [await step_out(session, manuscript, step) for step in steps]
    row = await issue_row(session, manuscript)
    return IssueOut(
        **row.model_dump(),
        articles=[
            ArticleOut(**one, cover_url=await _cover_url(session, one["cover"]))
            for one in body["articles"]
        ],
        reviews=[one for one in told if one.decision is not None],
        steps=told,
        problems=[_problem_out(one) for one in problems],
        flags=[FlagOut.model_validate(one) for one in manuscript.flags],
        outcome=manuscript.outcome,
    )


async def step_out(session: AsyncSession, manuscript: Manuscript, step: ManuscriptStep) -> StepOut:
    return StepOut(
        step=step.step,
        decision=step.decision,
        person=await staff_out(session, step.person_id),
        remarks=step.remarks,
        at=step.made_at,
        digest=step.digest,
        counts=(step.round, step.version) == (manuscript.round, manuscript.version),
    )


async def staff_out(session: AsyncSession, person_id: int | None) -> StaffOut | None:
    if person_id is None:
        return None
    person = await people.get_person(session, await people.resolve_alias(session, person_id))
    return StaffOut(id=person.id, name=person.name)


async def _cover_url(session: AsyncSession, upload_id: int | None) -> str | None:
    if upload_id is None:
        return None
    try:
        return pictures.url_of(await pictures.find(session, upload_id=upload_id))
    except UploadNotFound:
        return None


def _problem_out(problem: DomainError) -> ProblemOut:
    return ProblemOut.model_validate({
        "field": None, "count": None, "limit": None, **problem.facts,
        "code": problem.code, "text": problem.detail,
    })  # fmt: skip

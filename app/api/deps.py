"""What an endpoint may ask for."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BeforeValidator
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.limiting import Limiter
from app.api.together import Together
from app.core.clock import local_day, utcnow
from app.core.db import transaction
from app.core.errors import Unauthenticated
from app.core.paging import LIMIT_DEFAULT, LIMIT_MAX
from app.core.settings import Settings
from app.people import offices, tokens
from app.people.policy import Actor
from app.wechat.client import WeChatClient

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])
PUBLIC: set[Callable[..., object]] = set()
"""Endpoints that ask for nobody; a test walks all routes (law 7)."""


def public(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint as open to everybody."""
    PUBLIC.add(endpoint)
    return endpoint


class NotSignedIn(Unauthenticated):
    title = "请先登录"


# Dependencies are coroutines even where nothing is awaited: FastAPI hands a plain function to a
# thread, which takes longer than many a request.
async def get_session() -> AsyncIterator[AsyncSession]:
    async with transaction() as session:
        yield session


async def get_settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def get_wechat(request: Request) -> WeChatClient:
    client: WeChatClient = request.app.state.wechat
    return client


async def get_limiter(request: Request) -> Limiter:
    limiter: Limiter = request.app.state.limiter
    return limiter


async def get_now() -> datetime:
    """The service's clock, read once a request."""
    return utcnow()


def address_of(request: Request) -> str:
    return request.client.host if request.client else "unknown"


# scope="function": the commit comes before the response leaves, not after.
SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]
Now = Annotated[datetime, Depends(get_now)]
SettingsDep = Annotated[Settings, Depends(get_settings_of)]
WeChatDep = Annotated[WeChatClient, Depends(get_wechat)]
LimiterDep = Annotated[Limiter, Depends(get_limiter)]

BEARER = "The token that a login answers with"
bearer = HTTPBearer(auto_error=False, description=BEARER)


async def get_person_id(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    session: SessionDep,
    limiter: LimiterDep,
    now: Now,
) -> int:
    """Who is signed in: by a bearer token. Addresses are limited before tokens are looked up."""
    limiter.hit("address", address_of(request))
    if given is None:
        raise NotSignedIn
    person_id = await tokens.authenticate(session, token=given.credentials, now=now)
    limiter.hit("person", str(person_id))
    return person_id


async def get_person_id_first(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    limiter: LimiterDep,
    now: Now,
) -> int:
    """Who is signed in, for endpoints that call WeChat: asked in a transaction that is over."""
    async with transaction() as session:
        return await get_person_id(request, given, session, limiter, now)


@dataclass(slots=True)
class Learner:
    """Who shows this token, and what serves them: whose it is, is found out with their work."""

    token: tokens.Presented
    together: Together
    settings: Settings


class LearnerBearer(HTTPBearer):
    """Somebody signed in, for work that is done together; one dependency, as each takes time."""

    async def __call__(self, request: Request) -> Learner:  # type: ignore[override]  # what it leads to
        state = request.app.state
        state.limiter.hit("address", address_of(request))
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not (given := given.strip()):
            raise NotSignedIn
        token = tokens.Presented(given, utcnow())
        return Learner(token, state.together, state.settings)


get_learner = LearnerBearer(auto_error=False, scheme_name="HTTPBearer", description=BEARER)
PersonId = Annotated[int, Depends(get_person_id)]
CurrentLearner = Annotated[Learner, Depends(get_learner)]
PersonIdFirst = Annotated[int, Depends(get_person_id_first)]


async def get_actor(person_id: PersonId, session: SessionDep, now: Now) -> Actor:
    """Who is signed in, with the offices held today."""
    return await offices.actor_of(session, person_id=person_id, day=local_day(now))


CurrentPerson = Annotated[Actor, Depends(get_actor)]
# `?platform=&q=` asks for nothing in particular: an empty parameter is an absent one. It stands
# after Query: a length is a constraint on the text, and None would come before it otherwise.
EmptyIsAbsent = BeforeValidator(lambda given: None if given == "" else given)
Cursor = Annotated[
    str | None,
    Query(max_length=200, description="`next` of the page before; absent: first page"),
    EmptyIsAbsent,
]
Limit = Annotated[
    int, Query(ge=1, le=LIMIT_MAX, description=f"Rows a page, {LIMIT_DEFAULT} if absent")
]

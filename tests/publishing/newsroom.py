"""The service, the stand-in, and issues whose publishing can be driven, hurried and killed."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import clock
from app.core.db import transaction
from app.editorial import desk, pictures
from app.editorial.models import Manuscript
from app.flows import weekly_issue
from app.people.queries import org_by_code
from app.push.models import Publication, Task
from app.sandbox import jobs
from app.sandbox.press import Post, Press
from app.worker import publishing
from tests.api.service import Resident, Service, set_clock
from tests.factories.editorial import article, issue, picture

NUMBERS = count(1)
TUESDAY = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
"""Six in the evening in town: the first slot of the first week."""
SUBMIT = {
    "mass": "/cgi-bin/message/mass/sendall",
    "freepublish": "/cgi-bin/freepublish/submit",
}


@dataclass
class Newsroom:
    service: Service
    editor: Resident
    weeks: "count[int]" = field(default_factory=lambda: count(0))

    @property
    def press(self) -> Press:
        return self.service.world.press

    @property
    def posts(self) -> list[Post]:
        """What followers see."""
        return self.press.posts

    def next_week(self) -> datetime:
        """Six in the evening of another Tuesday; the stand-in remembers only its pictures."""
        at = TUESDAY + timedelta(weeks=next(self.weeks))
        set_clock(at)
        self.press.stop()
        was = self.press
        self.service.world.press = Press(images=was.images, materials=was.materials)
        self.service.world.faults.waiting.clear()
        return at

    async def write(self, *articles: Mapping[str, Any], at: datetime | None = None) -> int:
        """An issue that is scheduled for now, or for `at`; its reviews are another test's."""
        now = clock.utcnow()
        async with transaction() as session:
            return (await scheduled_issue(session, self, articles, at or now, now)).id

    async def drive(self, issue_id: int) -> None:
        """What the queue does when a job of this issue is due."""
        await publishing.publish_issue(manuscript_id=issue_id)

    async def finish(self, issue_id: int, *, hours: float = 30) -> Publication:
        """Let the platform end its jobs, and the minutes pass, until nothing is left to be done."""
        until = clock.utcnow() + timedelta(hours=hours)
        while True:
            await jobs.settle(self.service.world)
            async with transaction() as session:
                due = await weekly_issue.due(session, now=clock.utcnow())
            if issue_id in due:
                await self.drive(issue_id)
                continue
            found = await self.publication(issue_id)
            manuscript = await self.manuscript(issue_id)
            waits_for = found.next_at
            if manuscript.state == "scheduled":
                waits_for = manuscript.scheduled_at
            if waits_for is None or waits_for > until:
                return found
            set_clock(max(waits_for, clock.utcnow()) + timedelta(seconds=1))

    async def publication(self, issue_id: int) -> Publication:
        async with transaction() as session:
            row = select(Publication).where(Publication.manuscript_id == issue_id)
            return (await session.scalars(row)).one()

    async def manuscript(self, issue_id: int) -> Manuscript:
        async with transaction() as session:
            return await session.get_one(Manuscript, issue_id)

    async def tasks(self, issue_id: int, state: str = "open") -> list[Task]:
        async with transaction() as session:
            rows = select(Task).where(Task.manuscript_id == issue_id, Task.state == state)
            return list(await session.scalars(rows.order_by(Task.id)))

    async def state(self, issue_id: int) -> str:
        return (await self.manuscript(issue_id)).state

    async def forget_pictures(self) -> None:
        async with transaction() as session:
            await session.execute(text("DELETE FROM platform_media"))

    def calls_of(self, path: str) -> int:
        return sum(call.path == path for call in self.service.world.calls)


async def scheduled_issue(
    session: AsyncSession,
    newsroom: Newsroom,
    articles: tuple[Mapping[str, Any], ...],
    at: datetime,
    now: datetime,
) -> Manuscript:
    directory = newsroom.service.settings.data_dir
    facts: dict[str, Any] = {"directory": directory, "uploaded_by_id": None, "now": now}
    cover = await pictures.store(session, content=picture(colour="blue"), **facts)
    inside = await pictures.store(session, content=picture(colour="green"), **facts)
    usual = article(markdown=f"先问一问。\n\n![图]({pictures.url_of(inside)})")
    body = issue(*({**usual, **one, "cover": cover.id} for one in articles or ({},)))
    town = await org_by_code(session, "T")
    made = await desk.write(
        session,
        kind="issue",
        key=f"newsroom:{next(NUMBERS)}",
        org_id=town.id,
        author_id=newsroom.editor.id,
        body=body,
        now=now,
    )
    made.state, made.scheduled_at = "scheduled", at
    await session.flush()
    return made


class Killed(BaseException):
    """kill -9, as near as one process can come to it."""


@dataclass
class Fate:
    """Kills the driver at the n-th of the points it passes."""

    kill_at: int | None = None
    passed: list[str] = field(default_factory=list)

    def reach(self, point: str) -> None:
        self.passed.append(point)
        if len(self.passed) - 1 == self.kill_at:
            raise Killed(point)

    def transaction(self) -> Callable[[], Any]:
        @asynccontextmanager
        async def mortal() -> AsyncIterator[AsyncSession]:
            async with transaction() as session:
                yield session
                self.reach("before the commit")
            self.reach("after the commit")

        return mortal

    def perform(self) -> Callable[..., Any]:
        real = publishing.perform

        async def mortal(client: Any, step: Any) -> Any:
            try:
                return await real(client, step)
            finally:
                self.reach(f"after {type(step).__name__}")

        return mortal

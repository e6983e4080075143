"""The administrators' desk over HTTP: a town's staff, each with a browser of their own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.api.browser import Browser, browsing
from tests.api.newsroom import Newsroom, open_newsroom
from tests.api.service import Resident, Service

NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"&"


@dataclass(frozen=True)
class Desk:
    """`other` administers another village and nothing else."""

    service: Service
    newsroom: Newsroom
    resident: Resident
    other: Resident
    windows: AsyncExitStack
    opened: dict[int, Browser]

    async def window(self, who: Resident) -> Browser:
        """A browser in which this person has signed in; always the same one."""
        if who.id not in self.opened:
            browser = await self.windows.enter_async_context(browsing(self.service))
            await browser.sign_in(who)
            self.opened[who.id] = browser
        return self.opened[who.id]

    @property
    def admin(self) -> Resident:
        return self.newsroom.admin

    @property
    def editor(self) -> Resident:
        return self.newsroom.editor

    @property
    def tutor(self) -> Resident:
        return self.newsroom.tutor

    async def submitted(self, **facts: Any) -> Any:
        return await self.newsroom.submit(await self.newsroom.begin(**facts))


@asynccontextmanager
async def open_desk(service: Service) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as windows:
        yield Desk(
            service,
            await open_newsroom(service),
            await service.villager("T-1"),
            await service.officer("admin", "T-2"),
            windows,
            {},
        )


def is_safe(text: str) -> bool:
    """Whether what somebody typed stands on the page as text only."""
    return "<script>alert" not in text and "<img src=x" not in text

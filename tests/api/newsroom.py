"""A town's newsroom over HTTP: who writes, who reviews, and an issue on its way."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.api.service import Resident, Service
from tests.factories.editorial import article, picture


@dataclass(frozen=True)
class Newsroom:
    service: Service
    tutor: Resident
    editor: Resident
    chief: Resident
    admin: Resident
    cover: int

    async def begin(self, **facts: Any) -> Any:
        """A draft of one article by the tutor."""
        body = {"org_code": "T", "articles": [self.article(**facts)]}
        return await self.service.ask("POST", "/issues", self.tutor, json=body)

    def article(self, **facts: Any) -> dict[str, Any]:
        return article(**{"cover": self.cover, **facts})

    async def submit(self, issue: Any) -> Any:
        return await self.service.ask("POST", f"/issues/{issue['id']}/submit", self.tutor)

    async def review(self, issue: Any, who: Resident, **facts: Any) -> httpx.Response:
        asked = {"decision": "approve", "digest": issue["digest"], **facts}
        return await self.service.call("POST", f"/issues/{issue['id']}/reviews", who, json=asked)

    async def approve(self, issue: Any) -> Any:
        """Through all three reviews."""
        issue = await self.submit(issue)
        for who in (self.editor, self.chief, self.admin):
            said = await self.review(issue, who)
            assert said.status_code == 200, said.text
            issue = said.json()
        return issue

    async def change(self, issue: Any, who: Resident, **facts: Any) -> httpx.Response:
        digest = facts.pop("digest", None)
        asked = {"articles": [self.article(**facts)], "digest": digest}
        return await self.service.call("PUT", f"/issues/{issue['id']}", who, json=asked)


async def send_picture(
    service: Service, who: Resident, content: bytes | None = None, **parts: Any
) -> httpx.Response:
    files = {"file": ("x.png", picture() if content is None else content, "image/png")}
    return await service.call("POST", "/uploads", who, files=files, **parts)


async def open_newsroom(service: Service) -> Newsroom:
    tutor = await service.officer("tutor", "T")
    cover = await send_picture(service, tutor)
    assert cover.status_code == 201, cover.text
    return Newsroom(
        service,
        tutor,
        await service.officer("editor", "T"),
        await service.officer("chief_editor", "T"),
        await service.officer("admin", "T"),
        cover.json()["id"],
    )

"""What an issue needs at the platform before it can be a draft: every picture, uploaded once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.editorial import pictures, queries, wechat_html
from app.editorial.models import Manuscript, Upload
from app.push.account_models import PlatformMedia
from app.push.outlets import Outlet, source_url
from app.push.steps import AddDraft, Page, Purpose, UploadPicture

References = Mapping[tuple[str, Purpose], str]


async def preparation_of(
    session: AsyncSession, *, outlet: Outlet, manuscript: Manuscript
) -> UploadPicture | AddDraft:
    """The next picture the account lacks; the draft, once it has them all."""
    body = await queries.body_of(session, manuscript_id=manuscript.id, version=manuscript.version)
    articles: list[dict[str, Any]] = body["articles"]
    covers = [await pictures.find(session, upload_id=one["cover"]) for one in articles]
    needed: list[tuple[str, Purpose]] = [(cover.sha256, "cover") for cover in covers]
    for one in articles:
        needed += [(sha256, "body") for sha256 in wechat_html.pictures_in(one["markdown"])]
    known = await _known(session, outlet.appid, {sha256 for sha256, _ in needed})
    for sha256, purpose in needed:
        if (sha256, purpose) not in known:
            upload = await pictures.find(session, sha256=sha256)
            return UploadPicture(sha256, purpose, pictures.path_of(outlet.data_dir, upload))
    pages = []
    for index, (article, cover) in enumerate(zip(articles, covers, strict=True)):
        address = source_url(
            outlet, manuscript_id=manuscript.id, version=manuscript.version, index=index
        )
        pages.append(_page(article, address=address, cover=cover, known=known))
    return AddDraft(manuscript.version, tuple(pages))


def _page(article: Mapping[str, Any], *, address: str, cover: Upload, known: References) -> Page:
    urls = {
        sha256: reference for (sha256, purpose), reference in known.items() if purpose == "body"
    }
    return Page(
        title=article["title"],
        author=article["author"],
        digest=article["digest"],
        content=wechat_html.to_wechat_html(article["markdown"], urls=urls),
        source_url=address,
        cover_media_id=known[cover.sha256, "cover"],
    )


async def _known(session: AsyncSession, appid: str, wanted: set[str]) -> References:
    rows = select(PlatformMedia).where(
        PlatformMedia.appid == appid, PlatformMedia.sha256.in_(wanted)
    )
    found: dict[tuple[str, Purpose], str] = {}
    for one in await session.scalars(rows):
        found[one.sha256, "cover" if one.purpose == "cover" else "body"] = one.reference
    return found


async def remember(
    session: AsyncSession,
    *,
    appid: str,
    step: UploadPicture,
    reference: str,
    now: datetime,
) -> None:
    """Uploaded twice by two processes at once, the first reference is kept."""
    row = insert(PlatformMedia).values(
        appid=appid,
        sha256=step.sha256,
        purpose=step.purpose,
        reference=reference,
        uploaded_at=now,
    )
    await session.execute(row.on_conflict_do_nothing())


async def forget_covers(session: AsyncSession, *, appid: str, step: AddDraft) -> None:
    """The platform no longer has them: somebody tidied the library."""
    gone = [page.cover_media_id for page in step.pages]
    await session.execute(
        delete(PlatformMedia).where(
            PlatformMedia.appid == appid,
            PlatformMedia.purpose == "cover",
            PlatformMedia.reference.in_(gone),
        )
    )

"""What a writer pastes or uploads → our Markdown, its pictures kept among the uploads."""

import asyncio
import base64
import binascii
import io
import re
import zipfile
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core import zipped_xml
from app.core.errors import Invalid
from app.core.rich_text import to_markdown
from app.editorial import pictures
from app.editorial.errors import NotAPicture, PictureTooLarge

WORD_BYTES_MAX = 10 * 1024 * 1024
UNPACKED_BYTES_MAX, PARTS_MAX = 80 * 1024 * 1024, 2000
"""Of a Word file's parts: a small archive may hold a planet."""
PICTURES_MAX = 40
INLINE_PICTURE = re.compile(r'src\s*=\s*["\']data:image/[\w.+-]+;base64,([\w+/=\s%]+)["\']')
PLACEHOLDER = "/word-picture/"


class WordFileUnreadable(Invalid):
    title = "这个文件不是可用的 Word 文档（只收 .docx；老的 .doc 请先另存为 .docx）"


class WordFileTooLarge(Invalid):
    title = "Word 文档太大：不超过 10 MB，图片请先压缩"


@dataclass(frozen=True)
class Written:
    """`dropped` pictures were no pictures, too large, or too many."""

    markdown: str
    dropped: int = 0


async def from_html(
    session: AsyncSession, *, html: str, directory: Path, by_id: int, now: datetime
) -> Written:
    """What an editor sends: pictures pasted into it are kept, everything else is cleaned."""
    found: list[bytes] = []

    def take(match: re.Match[str]) -> str:
        try:
            found.append(base64.b64decode(match[1]))
        except (binascii.Error, ValueError):
            found.append(b"")
        return f'src="{PLACEHOLDER}{len(found) - 1}"'

    taken = INLINE_PICTURE.sub(take, html)
    return await _with_pictures(
        session, html=taken, found=found, directory=directory, by_id=by_id, now=now
    )


async def from_word(
    session: AsyncSession, *, content: bytes, directory: Path, by_id: int, now: datetime
) -> Written:
    """The text of a .docx. Raises WordFileUnreadable, WordFileTooLarge."""
    if len(content) > WORD_BYTES_MAX:
        raise WordFileTooLarge
    html, found = await asyncio.to_thread(_read_word, content)
    return await _with_pictures(
        session, html=html, found=found, directory=directory, by_id=by_id, now=now
    )


async def _with_pictures(
    session: AsyncSession,
    *,
    html: str,
    found: list[bytes],
    directory: Path,
    by_id: int,
    now: datetime,
) -> Written:
    urls: dict[str, str] = {}
    for number, content in enumerate(found[:PICTURES_MAX]):
        try:
            kept = await pictures.store(
                session, content=content, directory=directory, uploaded_by_id=by_id, now=now
            )
        except (NotAPicture, PictureTooLarge):
            continue
        urls[f"{PLACEHOLDER}{number}"] = pictures.url_of(kept)
    for number in reversed(range(len(found))):
        place = f"{PLACEHOLDER}{number}"
        html = html.replace(f'src="{place}"', f'src="{escape(urls.get(place, ""))}"')
    markdown = await asyncio.to_thread(to_markdown, html)
    return Written(markdown, dropped=len(found) - len(urls))


def _read_word(content: bytes) -> tuple[str, list[bytes]]:
    """(HTML with placeholders, the pictures), of a file that may be anything."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _refuse_bomb(archive)
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
        raise WordFileUnreadable from error
    import mammoth  # noqa: PLC0415  heavy, and rarely needed

    found: list[bytes] = []

    def keep(image: Any) -> dict[str, str]:
        try:
            with image.open() as opened:
                found.append(opened.read())
        except Exception:  # noqa: BLE001  a linked or broken picture is one picture less
            found.append(b"")
        return {"src": f"{PLACEHOLDER}{len(found) - 1}"}

    try:
        read = mammoth.convert_to_html(
            io.BytesIO(content),
            convert_image=mammoth.images.img_element(keep),
            # A file may bring rules of its own for what becomes which element.
            include_embedded_style_map=False,
            external_file_access=False,
        )
    except Exception as error:  # whatever a reader of archives and XML stumbles over
        raise WordFileUnreadable from error
    html: str = read.value
    return html, found


def _refuse_bomb(archive: zipfile.ZipFile) -> None:
    """By what its directory says, and none of its XML may define entities: Word's never does."""
    is_crowded = len(archive.infolist()) > PARTS_MAX
    if is_crowded or zipped_xml.unpacked_bytes(archive) > UNPACKED_BYTES_MAX:
        raise WordFileTooLarge
    if zipped_xml.declares_types(archive):
        raise WordFileUnreadable

"""Pictures that editors upload: always re-encoded, so that nothing else travels in them.

EXIF (places, names, telephones) is dropped, what is no picture cannot pass, and one content is one
file, `<sha256>.jpg` or `.png`.
"""

import asyncio
import hashlib
import io
import os
import tempfile
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.editorial.errors import NotAPicture, PictureTooLarge, UploadNotFound
from app.editorial.models import Upload

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

FILE_BYTES_MAX = 10 * 1024 * 1024
PIXELS_MAX = 40_000_000
"""A telephone's best camera; decoded it takes 160 MB."""
SIDES = (1920, 1280, 800, 480)
"""Pixels of the longer side, the first that gives a small file: more than 1920 is never shown."""
STORED_BYTES_MAX = 1_000_000
"""`media/uploadimg` takes jpg and png below 1 MB (WxJava WxMpMaterialService)."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
QUALITIES = (88, 75, 60)
_decoding = threading.Lock()
"""One at a time, or a few large pictures at once fill a small machine's memory."""
MEDIA_TYPES = {"image/jpeg": "jpg", "image/png": "png"}


@dataclass(frozen=True)
class Picture:
    content: bytes
    media_type: str
    width: int
    height: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


async def store(
    session: AsyncSession,
    *,
    content: bytes,
    directory: Path,
    uploaded_by_id: int | None,
    now: datetime,
) -> Upload:
    """Keep a picture; the same picture again is the first upload.

    Raises NotAPicture, PictureTooLarge.
    """
    # Decoding takes up to a second: other requests must not wait for it.
    picture = await asyncio.to_thread(prepare, content)
    row = insert(Upload).values(
        sha256=picture.sha256,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        bytes=len(picture.content),
        uploaded_by_id=uploaded_by_id,
        uploaded_at=now,
    )
    await session.execute(row.on_conflict_do_nothing(index_elements=["sha256"]))
    upload = (await session.scalars(select(Upload).where(Upload.sha256 == picture.sha256))).one()
    # Before the commit: a row never promises a file that is not there.
    await asyncio.to_thread(_write, path_of(directory, upload), picture.content)
    return upload


async def find(
    session: AsyncSession, *, sha256: str | None = None, upload_id: int | None = None
) -> Upload:
    """By content or by id. Raises UploadNotFound."""
    assert (sha256 is None) != (upload_id is None)
    rows = select(Upload).where(
        Upload.sha256 == sha256 if sha256 is not None else Upload.id == upload_id
    )
    upload = await session.scalar(rows)
    if upload is None:
        raise UploadNotFound(sha256=sha256, upload_id=upload_id)
    return upload


def name_of(upload: Upload) -> str:
    return f"{upload.sha256}.{MEDIA_TYPES[upload.media_type]}"


def path_of(directory: Path, upload: Upload) -> Path:
    """`directory` is the one of all data; pictures have a folder of their own in it."""
    return directory / "uploads" / name_of(upload)


def url_of(upload: Upload) -> str:
    """How an article names it: `![说明](/uploads/<sha256>.jpg)`."""
    return f"/uploads/{name_of(upload)}"


def prepare(content: bytes) -> Picture:
    """The picture alone, upright, small enough for WeChat: PNG if it was one and stays small."""
    if len(content) > FILE_BYTES_MAX:
        raise PictureTooLarge(count=len(content), limit=FILE_BYTES_MAX)
    with _decoding:
        return _made_small(content)


def _made_small(content: bytes) -> Picture:
    kind, image = _decode(content)
    for side in SIDES:
        image.thumbnail((side, side))
        if kind == "PNG" and side == SIDES[0] and (small := _fit(image, "PNG")):
            return small
        if small := _fit(image, "JPEG"):
            return small
    raise PictureTooLarge(count=len(content), limit=STORED_BYTES_MAX)


def _decode(content: bytes) -> "tuple[str, Pixels]":
    """(format, pixels without anything beside them)."""
    from PIL import Image, ImageOps  # noqa: PLC0415  heavy, and rarely needed

    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            _refuse_bomb(opened.width * opened.height)
            # A JPEG can be decoded at a half or a quarter of its size: ten times faster.
            opened.draft("RGB", (SIDES[0], SIDES[0]))
            upright = ImageOps.exif_transpose(opened)
            clear = upright.has_transparency_data
            pixels = upright.convert("RGBA" if clear else "RGB")
            kind = opened.format or ""
    except PictureTooLarge:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureTooLarge(limit=PIXELS_MAX) from error
    except Exception as error:  # whatever a decoder stumbles over
        raise NotAPicture from error
    pixels.info.clear()
    return kind, pixels


def _refuse_bomb(pixels: int) -> None:
    """Before anything is decoded: a small file may hold a square kilometre."""
    if pixels > PIXELS_MAX:
        raise PictureTooLarge(count=pixels, limit=PIXELS_MAX)


def _fit(image: "Pixels", kind: str) -> Picture | None:
    """The picture in this format if it is small enough, at the best quality that is."""
    from PIL import Image  # noqa: PLC0415  see above

    if kind == "JPEG" and image.mode == "RGBA":
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    for quality in QUALITIES if kind == "JPEG" else QUALITIES[:1]:
        out = io.BytesIO()
        image.save(out, kind, quality=quality, optimize=True)
        if out.tell() <= STORED_BYTES_MAX:
            return Picture(out.getvalue(), f"image/{kind.lower()}", *image.size)
    return None


def _write(path: Path, content: bytes) -> None:
    """All of the file or nothing: a reader never sees half of it."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
        part.write(content)
        part.flush()
        os.fsync(part.fileno())
    Path(part.name).chmod(0o644)
    Path(part.name).replace(path)

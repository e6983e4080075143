"""Only pictures come out, whatever is sent, and nothing else travels in them."""

import io
import os
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Invalid
from app.editorial import pictures
from app.editorial.errors import NotAPicture, PictureTooLarge, UploadNotFound
from tests.factories.editorial import picture
from tests.factories.people import NOW

SCRIPT = b"<script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def bomb(side: int) -> bytes:
    """A PNG that says it is a square of so many pixels a side."""

    def chunk(name: bytes, content: bytes) -> bytes:
        end = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + end

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\x00"))


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"x", SCRIPT, SVG, b"GIF89a" + SCRIPT, b"\x89PNG\r\n\x1a\n" + SCRIPT),
        *(b"%PDF-1.4", b"II*\x00" + b"\x00" * 99, b"%!PS-Adobe-3.0 EPSF-3.0\n", picture()[:40]),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(NotAPicture):
        pictures.prepare(content)


@given(at=st.integers(0, 200), junk=st.binary(min_size=1, max_size=40))
def test_a_damaged_picture_is_refused_or_made_whole(at: int, junk: bytes) -> None:
    whole = picture("JPEG")
    try:
        stored = pictures.prepare(whole[:at] + junk + whole[at + len(junk) :])
    except Invalid:
        return
    assert opened(stored.content).size == (stored.width, stored.height)


def test_too_much_is_refused_before_it_is_decoded() -> None:
    # Beyond our own limit, beyond Pillow's warning, beyond its error.
    bombs = [bomb(side) for side in (6_400, 10_000, 50_000)]
    for content in (b"\xff" * (pictures.FILE_BYTES_MAX + 1), *bombs):
        with pytest.raises(PictureTooLarge):
            pictures.prepare(content)


def test_nothing_else_travels_in_a_picture() -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "拍摄地点", 6
    sent = picture("JPEG", (40, 20), exif=exif, comment=SCRIPT) + SCRIPT
    stored = pictures.prepare(sent)
    assert b"script" not in stored.content
    assert b"Exif" not in stored.content
    # Lying on its side by its EXIF, it is turned before that is thrown away.
    assert (stored.width, stored.height) == (20, 40)
    assert not opened(stored.content).getexif()


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/jpeg"), ("GIF", "image/jpeg"),
     ("BMP", "image/jpeg")],
)  # fmt: skip
def test_only_jpeg_and_png_come_out(kind: str, media_type: str) -> None:
    stored = pictures.prepare(picture(kind))
    assert (stored.media_type, stored.width, stored.height) == (media_type, 8, 6)
    assert opened(stored.content).format == media_type.removeprefix("image/").upper()


def test_a_clear_picture_stays_clear_as_png_and_gets_a_white_ground_as_jpeg() -> None:
    for kind, expected in (("PNG", (0, 0, 0, 0)), ("WEBP", (255, 255, 255))):
        out = io.BytesIO()
        Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(out, kind)
        image = opened(pictures.prepare(out.getvalue()).content)
        pixel = image.getpixel((0, 0))
        assert isinstance(pixel, tuple)
        assert all(abs(one - other) < 3 for one, other in zip(pixel, expected, strict=True))


def test_a_large_picture_is_made_small_enough_for_wechat() -> None:
    noise = Image.frombytes("RGB", (1600, 1600), os.urandom(1600 * 1600 * 3))
    out = io.BytesIO()
    noise.save(out, "PNG")
    stored = pictures.prepare(out.getvalue())
    assert len(stored.content) <= pictures.STORED_BYTES_MAX
    assert stored.media_type == "image/jpeg"
    wide = pictures.prepare(picture("JPEG", (4000, 1000)))
    assert (wide.width, wide.height) == (1920, 480)


async def test_one_content_is_one_file_and_one_row(session: AsyncSession, tmp_path: Path) -> None:
    first = await pictures.store(
        session, content=picture(), directory=tmp_path, uploaded_by_id=None, now=NOW
    )
    again = await pictures.store(
        session, content=picture(), directory=tmp_path, uploaded_by_id=None, now=NOW
    )
    assert first.id == again.id
    path = pictures.path_of(tmp_path, first)
    assert [one.name for one in path.parent.iterdir()] == [f"{first.sha256}.png"]
    assert pictures.url_of(first) == f"/uploads/{first.sha256}.png"
    assert (await pictures.find(session, sha256=first.sha256)).id == first.id
    assert (await pictures.find(session, upload_id=first.id)).bytes == path.stat().st_size


async def test_an_upload_that_is_not_there(session: AsyncSession) -> None:
    with pytest.raises(UploadNotFound):
        await pictures.find(session, upload_id=10**12)

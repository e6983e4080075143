"""Word files and pasted pictures: what is kept, what is refused, what never gets through."""

import base64
import io
import zipfile
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.content.markdown import to_html
from app.flows import rich_text
from app.flows.rich_text import WordFileTooLarge, WordFileUnreadable, Written
from tests.api.studio import XSS, word_file
from tests.factories.editorial import picture
from tests.factories.people import NOW, make_person

ESCAPED = XSS.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
LINK = "<w:p><w:hyperlink r:id='rId8'><w:r><w:t>点我</w:t></w:r></w:hyperlink></w:p>"


async def read(session: AsyncSession, content: bytes, directory: Path) -> Written:
    by_id = (await make_person(session)).id
    return await rich_text.from_word(
        session, content=content, directory=directory, by_id=by_id, now=NOW
    )


async def test_a_word_file_is_text_and_pictures(session: AsyncSession, tmp_path: Path) -> None:
    content = word_file("第一段。", ESCAPED, image=picture(), alt=ESCAPED, raw=LINK)
    written = await read(session, content, tmp_path)
    html = to_html(written.markdown)
    assert written.dropped == 0
    assert "![" in written.markdown
    assert "](/uploads/" in written.markdown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script" not in html
    assert "javascript" not in html
    assert "<a" not in html
    assert html.count("<img ") == 1
    assert len(list((tmp_path / "uploads").iterdir())) == 1


async def test_what_is_no_picture_is_left_out_and_told(
    session: AsyncSession, tmp_path: Path
) -> None:
    written = await read(session, word_file("文字", image=b"GIF89a no"), tmp_path)
    assert (written.markdown, written.dropped) == ("文字", 1)


def renamed(content: bytes, part: str, text: str | bytes) -> bytes:
    """The same file with another text in one part."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, text if name == part else old.read(name))
    return out.getvalue()


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "哈"><!ENTITY b "&a;&a;">]>'
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    "<w:body><w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body></w:document>"
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xd0\xcf\x11\xe0 an old .doc",
        b"PK\x03\x04 cut off",
        renamed(word_file("x"), "word/document.xml", "<w:document"),
        renamed(word_file("x"), "word/document.xml", LAUGHS),
        renamed(word_file("x"), "word/document.xml", LAUGHS.encode("utf-16")),
    ],
    ids=["empty", "doc", "cut", "broken", "entities", "entities in UTF-16"],
)
async def test_what_is_no_word_file(session: AsyncSession, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(WordFileUnreadable):
        await read(session, content, tmp_path)


async def test_a_bomb_is_refused_by_its_directory(session: AsyncSession, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * (81 * 1024 * 1024))
    assert len(out.getvalue()) < 200_000
    with pytest.raises(WordFileTooLarge):
        await read(session, out.getvalue(), tmp_path)
    with pytest.raises(WordFileTooLarge):
        await read(session, b"x" * (10 * 1024 * 1024 + 1), tmp_path)


async def test_a_pasted_picture_is_kept_a_file_s_is_not(
    session: AsyncSession, tmp_path: Path
) -> None:
    data = base64.b64encode(picture()).decode()
    html = (
        f'<p>甲<img src="data:image/png;base64,{data}" alt="x"></p>'
        '<p>乙<img src="data:image/png;base64,AAAA"><img src="file:///C:/a.png"></p>'
        '<p><img src="data:image/svg+xml;base64,PHN2Zz4="></p>'
    )
    written = await rich_text.from_html(
        session, html=html, directory=tmp_path, by_id=(await make_person(session)).id, now=NOW
    )
    assert written.markdown.startswith("甲![x](/uploads/")
    assert written.markdown.endswith("乙")
    assert written.dropped == 2

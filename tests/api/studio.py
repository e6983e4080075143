"""A studio over HTTP: forms with files, Word files, and what stands on a page."""

import io
import re
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Any

import httpx

from tests.api.browser import Browser, browsing, form_of
from tests.api.service import Resident, Service

XSS = "<script>alert(1)</script>\"><img src=x onerror=alert('1')>"
MADE = re.compile(r"/studio/(?:manuscripts|lessons|activities)/(\d+)")
OPEN = "http://schemas.openxmlformats.org"
WORD = f"{OPEN}/wordprocessingml/2006/main"
OFFICE = f"{OPEN}/officeDocument/2006/relationships"
DRAWING = f"{OPEN}/drawingml/2006"
TYPES = (
    f'<Types xmlns="{OPEN}/package/2006/content-types">'
    '<Default Extension="rels"'
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="png" ContentType="image/png"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.'
    'openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
RELS = (
    f'<Relationships xmlns="{OPEN}/package/2006/relationships"><Relationship Id="rId1"'
    f' Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
)
LINKS = (
    f'<Relationships xmlns="{OPEN}/package/2006/relationships"><Relationship Id="rId9"'
    f' Type="{OFFICE}/image" Target="media/image1.png"/><Relationship Id="rId8"'
    f' Type="{OFFICE}/hyperlink" Target="javascript:alert(1)" TargetMode="External"/>'
    "</Relationships>"
)
PICTURE = (
    f'<w:p><w:r><w:drawing><wp:inline xmlns:wp="{DRAWING}/wordprocessingDrawing">'
    f'<wp:docPr id="1" name="p" descr="%s"/><a:graphic xmlns:a="{DRAWING}/main"><a:graphicData>'
    f'<pic:pic xmlns:pic="{DRAWING}/picture"><pic:blipFill><a:blip r:embed="rId9"/>'
    "</pic:blipFill></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"
)


@asynccontextmanager
async def working(service: Service, who: Resident) -> AsyncIterator[Browser]:
    """A browser in which this person is signed in."""
    async with browsing(service) as browser:
        await browser.sign_in(who)
        yield browser


async def send(
    browser: Browser, page: httpx.Response, action: str, files: Any = None, **typed: Any
) -> httpx.Response:
    """The page's form to this address, as the browser would send it.

    `files`: field → (name, content).
    """
    to, fields = form_of(page, action)
    return await browser.client.post(to, data={**fields, **typed}, files=files or {})


def number_of(answer: httpx.Response) -> int:
    """The id in the address that a form led to."""
    assert answer.status_code == 303, (answer.status_code, said(answer))
    found = MADE.search(answer.headers["location"])
    assert found, answer.headers["location"]
    return int(found[1])


def said(answer: httpx.Response) -> str:
    """The words of a page."""
    main = answer.text.partition("<main")[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


class _Reader(HTMLParser):
    """As a browser reads it: what is an element, what is an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.harm: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" and "src" not in given:
            self.harm.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in {"style", "srcdoc"}:
                self.harm.append(f"{tag} {name}")
            if name in {"href", "src", "action"} and (value or "").startswith("javascript"):
                self.harm.append(f"{tag} {value}")
        if tag == "img" and given.get("src") == "x":
            self.harm.append("img")


def harm_in(page: httpx.Response) -> list[str]:
    """What somebody typed that became an element or an attribute of the page."""
    reader = _Reader()
    reader.feed(page.text)
    return reader.harm


def word_file(*paragraphs: str, image: bytes | None = None, alt: str = "", raw: str = "") -> bytes:
    """A .docx with these paragraphs, and maybe a picture; `raw` is XML of one's own."""
    body = "".join(
        f"<w:p><w:r><w:t xml:space='preserve'>{one}</w:t></w:r></w:p>" for one in paragraphs
    )
    if image is not None:
        body += PICTURE % alt
    document = (
        f'<w:document xmlns:w="{WORD}" xmlns:r="{OFFICE}"><w:body>{body}{raw}</w:body></w:document>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", RELS)
        archive.writestr("word/document.xml", document)
        archive.writestr("word/_rels/document.xml.rels", LINKS)
        if image is not None:
            archive.writestr("word/media/image1.png", image)
    return out.getvalue()

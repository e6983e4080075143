"""Our own style sheets, scripts and drawings, read once and compressed once.

An address holds the digest of what it answers with, so browsers keep it for a year; a page
asks for one style sheet and one script, each put together from small files.
"""

import gzip
import mimetypes
import re
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request, Response

from app.api.deps import public
from app.api.pages.errors import NoSuchFile

ROOT = Path(__file__).parent.parent / "static"
ARTICLE = Path(__file__).parents[2] / "editorial" / "wechat.css"
"""What an article looks like in WeChat, where it stands in the elements: no page of ours may."""
BUNDLES = {
    "site.css": (
        *("css/tokens.css", "css/foundation.css", "css/frame.css", "css/forms.css"),
        *(
            "css/components.css",
            "css/data.css",
            "css/flow.css",
            "css/resident.css",
            "css/desk.css",
            "css/print.css",
        ),
    ),
    "site.js": (
        *("js/text-size.js", "js/copy.js", "js/dialog.js", "js/confirm.js"),
        *("js/retry.js", "js/upload.js"),
    ),
}
VENDOR = {
    # Quill 2 (BSD-3) travels in a wheel for Django; installed without Django, read from there.
    "vendor/quill.js": ("quillsafe", "static/quillsafe/quill.min.js"),
    "vendor/quill.css": ("quillsafe", "static/quillsafe/quill.snow.min.css"),
}
"""Files of others, from packages installed beside us: name → (package, path in it)."""
DIGEST_LENGTH = 12
SOURCE_MAP = re.compile(rb"(?://|/\*)# sourceMappingURL=\S+(?:\s*\*/)?")
FOREVER = "public, max-age=31536000, immutable"
A_DAY = "public, max-age=86400"


@dataclass(frozen=True)
class Asset:
    body: bytes
    compressed: bytes
    digest: str
    media_type: str


def read_asset(name: str, body: bytes) -> Asset:
    return Asset(
        body=body,
        compressed=gzip.compress(body, 9, mtime=0),
        digest=sha256(body).hexdigest()[:DIGEST_LENGTH],
        media_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
    )


def read_assets(root: Path) -> dict[str, Asset]:
    """Every bundle and every file that is in none, by the path below `root`."""
    parts = {part for bundle in BUNDLES.values() for part in bundle}
    found = {
        name: b"\n".join((root / part).read_bytes() for part in bundle)
        for name, bundle in BUNDLES.items()
    }
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and name not in parts:
            found[name] = path.read_bytes()
    found["css/article.css"] = scoped(ARTICLE.read_text("utf-8"), ".article").encode()
    return {name: read_asset(name, body) for name, body in found.items()}


def scoped(css: str, scope: str) -> str:
    """These plain rules (no @media, nothing nested) for what is below `scope` only."""
    rules = re.findall(r"([^{}]+)(\{[^}]*\})", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL))
    return "\n".join(
        ", ".join(f"{scope} {one.strip()}" for one in selectors.split(",")) + f" {declarations}"
        for selectors, declarations in rules
    )


def read_vendor() -> dict[str, Asset]:
    """Those of the files above whose package is installed; a page does without the others."""
    found = {}
    for name, (package, path) in VENDOR.items():
        spec = find_spec(package)
        for place in (spec and spec.submodule_search_locations) or ():
            # A map of its source is asked for by name, and not there.
            body = SOURCE_MAP.sub(b"", (Path(place) / path).read_bytes())
            found[name] = read_asset(name, body)
    return found


ASSETS = {**read_assets(ROOT), **read_vendor()}
HAS_EDITOR = set(VENDOR) <= set(ASSETS)
router = APIRouter(include_in_schema=False)


def path_of(name: str) -> str:
    """The address below the service's root. Raises KeyError for a file that is not there."""
    return f"/static/{ASSETS[name].digest}/{name}"


@router.get("/favicon.ico")
@public
async def favicon() -> Response:
    """Asked for by browsers at what is no page: a picture, a file, an address of the API."""
    asset = ASSETS["svg/mark.svg"]
    return Response(asset.body, media_type=asset.media_type, headers={"Cache-Control": A_DAY})


@router.get("/static/{digest}/{name:path}")
@public
async def static_file(request: Request, digest: str, name: str) -> Response:
    """A page of yesterday may ask with yesterday's digest: it gets today's file, uncached."""
    asset = ASSETS.get(name)
    if asset is None:
        raise NoSuchFile(name=name)
    headers = {"Vary": "Accept-Encoding"}
    headers["Cache-Control"] = FOREVER if digest == asset.digest else "no-store"
    body = asset.body
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"], body = "gzip", asset.compressed
    return Response(body, media_type=asset.media_type, headers=headers)

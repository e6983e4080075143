"""Our own style sheets, scripts and drawings, read once and compressed once.

An address holds the digest of what it answers with, so browsers keep it for a year; a page
asks for one style sheet and one script, each put together from small files.
"""

import gzip
import mimetypes
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request, Response

from app.api.deps import public
from app.api.pages.errors import NoSuchFile

ROOT = Path(__file__).parent.parent / "static"
BUNDLES = {
    "site.css": (
        *("css/tokens.css", "css/foundation.css", "css/frame.css", "css/forms.css"),
        *("css/components.css", "css/data.css", "css/flow.css", "css/print.css"),
    ),
    "site.js": (
        *("js/text-size.js", "js/copy.js", "js/dialog.js", "js/confirm.js"),
        *("js/retry.js", "js/upload.js"),
    ),
}
DIGEST_LENGTH = 12
FOREVER = "public, max-age=31536000, immutable"


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
    return {name: read_asset(name, body) for name, body in found.items()}


ASSETS = read_assets(ROOT)
router = APIRouter(include_in_schema=False)


def path_of(name: str) -> str:
    """The address below the service's root. Raises KeyError for a file that is not there."""
    return f"/static/{ASSETS[name].digest}/{name}"


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

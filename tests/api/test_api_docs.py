"""The page of the API's description: its policy lets it work, and nothing else."""

import base64
import re
from hashlib import sha256

import httpx
import pytest

from app.core.settings import Settings
from app.main import create_app


def policy_in(answer: httpx.Response) -> dict[str, list[str]]:
    (said,) = answer.headers.get_list("content-security-policy")
    parts = [part.split() for part in said.split("; ")]
    return {name: allowed for name, *allowed in parts}


@pytest.mark.parametrize("root", ["", "/learn"])
async def test_the_one_script_in_the_page_is_allowed_by_its_digest(root: str) -> None:
    app = create_app(Settings(_env_file=None, database_url="postgresql://nowhere/x"))
    transport = httpx.ASGITransport(app, root_path=root)
    async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
        page = await client.get(f"{root}/docs")
        (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
        assert f"url: '{root}/openapi.json'" in script
        digest = base64.b64encode(sha256(script.encode()).digest()).decode()
        policy = policy_in(page)
        assert policy["default-src"] == policy["frame-ancestors"] == ["'none'"]
        assert policy["script-src"] == ["'self'", f"'sha256-{digest}'"]
        assert policy["style-src"] == ["'self'"]
        files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(files) == 3
        for address in (*files, f"{root}/openapi.json"):
            assert address.startswith(f"{root}/")
            assert (await client.get(address)).status_code == 200, address

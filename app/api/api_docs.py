"""The API's description as a page: Swagger UI from this machine, under a policy of its own."""

import base64
import re
from hashlib import sha256

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

from app.api.deps import public

STATIC = "static-offline-docs"
"""What fastapi-offline calls the place of Swagger UI's files."""
INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)

router = APIRouter(include_in_schema=False)


@router.get("/docs")
@public
async def show_docs(request: Request) -> HTMLResponse:
    def file(name: str) -> str:
        return request.url_for(STATIC, path=name).path

    answer = get_swagger_ui_html(
        openapi_url=f"{request.scope.get('root_path', '')}{request.app.openapi_url}",
        title=f"{request.app.title} API",
        swagger_js_url=file("swagger-ui-bundle.js"),
        swagger_css_url=file("swagger-ui.css"),
        swagger_favicon_url=file("favicon.png"),
        swagger_ui_parameters={"docExpansion": "none"},
    )
    answer.headers["Content-Security-Policy"] = policy_of(bytes(answer.body).decode())
    return answer


def policy_of(html: str) -> str:
    """By digest the script that FastAPI writes into the page, which names the root; no other."""
    digests = [
        base64.b64encode(sha256(script.encode()).digest()).decode()
        for script in INLINE.findall(html)
    ]
    scripts = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in digests)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

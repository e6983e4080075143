"""Pictures for articles: those inside the text, and covers."""

from app.wechat.answers import text_in
from app.wechat.capability import capability_of, require
from app.wechat.client import WeChatClient
from app.wechat.transport import Files

PNG, PNG_TYPE, JPEG_TYPE = b"\x89PNG", "image/png", "image/jpeg"


async def upload_body_image(client: WeChatClient, *, name: str, content: bytes) -> str:
    """The address to use inside an article; pictures from elsewhere are filtered out of it.

    POST /cgi-bin/media/uploadimg: jpg or png below 1 MB, which the library does not count
    (WxJava WxMpMaterialService; developers.weixin.qq.com …/api_draft_add). Else ImageRefused.
    """
    oa = client.settings.oa
    require(capability_of(oa), "materials")
    files = _file(name, content)
    return text_in(await client.call(oa, "POST", "/cgi-bin/media/uploadimg", files=files), "url")


async def add_cover(client: WeChatClient, *, name: str, content: bytes) -> str:
    """The permanent media_id that an article's cover must have.

    POST /cgi-bin/material/add_material?type=image (WxJava WxMpMaterialService); a temporary one is
    refused by draft/add with 40007. Every call adds another picture to the library.
    """
    oa = client.settings.oa
    require(capability_of(oa), "materials")
    answer = await client.call(
        oa,
        "POST",
        "/cgi-bin/material/add_material",
        params={"type": "image"},
        files=_file(name, content),
    )
    return text_in(answer, "media_id")


def _file(name: str, content: bytes) -> Files:
    kind = PNG_TYPE if content.startswith(PNG) else JPEG_TYPE
    return {"media": (name, content, kind)}

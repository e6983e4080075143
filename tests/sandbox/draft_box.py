"""The stand-in's draft box, asked as the platform is asked."""

from app.wechat.client import WeChatClient
from app.wechat.errors import MediaInvalid


async def has_draft(wechat: WeChatClient, *, media_id: str) -> bool:
    """Whether it is still in the box: POST /cgi-bin/draft/get answers 40007 if not."""
    asked = {"media_id": media_id}
    try:
        await wechat.call(wechat.settings.oa, "POST", "/cgi-bin/draft/get", json=asked)
    except MediaInvalid:
        return False
    return True


async def delete_draft(wechat: WeChatClient, *, media_id: str) -> None:
    """POST /cgi-bin/draft/delete; deleting what is gone succeeds too."""
    asked = {"media_id": media_id}
    await wechat.call(wechat.settings.oa, "POST", "/cgi-bin/draft/delete", json=asked)

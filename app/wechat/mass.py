"""Mass sends (群发): every follower is notified, and the account has few of them.

developers.weixin.qq.com/doc/subscription/guide/product/message/Batch_Sends.md: a verified
subscription account one a day; a service account's followers get at most four a month.
"""

from typing import Any

from app.wechat.answers import id_in, text_in
from app.wechat.capability import capability_of, require
from app.wechat.client import WeChatClient
from app.wechat.errors import AlreadySent


async def send_to_all(
    client: WeChatClient, *, media_id: str, client_msg_id: str, tag_id: int | None
) -> str:
    """The msg_id of a draft handed in for all followers, or for those with a tag.

    POST /cgi-bin/message/mass/sendall (…/doc/service/api/notify/message/api_sendall). Safe to
    repeat with the same `client_msg_id` (up to 64 bytes) within a day: 45065 brings the first
    msg_id (WxJava WxMpMassTagMessage). 0 means accepted only: an administrator may still refuse.
    """
    oa = client.settings.oa
    require(capability_of(oa), "mass_send")
    to: dict[str, Any] = {"is_to_all": True}
    if tag_id is not None:
        to = {"is_to_all": False, "tag_id": tag_id}
    asked = {
        "filter": to,
        "mpnews": {"media_id": media_id},
        "msgtype": "mpnews",
        "send_ignore_reprint": 0,
        "clientmsgid": client_msg_id,
    }
    try:
        answer = await client.call(oa, "POST", "/cgi-bin/message/mass/sendall", json=asked)
    except AlreadySent as repeated:
        return id_in(repeated.answer, "msg_id")
    return id_in(answer, "msg_id")


async def get_mass_status(client: WeChatClient, *, msg_id: str) -> str:
    """SEND_SUCCESS, SENDING, SEND_FAIL or DELETE (POST /cgi-bin/message/mass/get)."""
    oa = client.settings.oa
    require(capability_of(oa), "mass_send")
    answer = await client.call(oa, "POST", "/cgi-bin/message/mass/get", json={"msg_id": msg_id})
    return text_in(answer, "msg_status")

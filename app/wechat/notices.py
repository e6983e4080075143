"""Subscription messages of the mini-program (订阅消息): one per consent, into 服务通知."""

from collections.abc import Mapping

from app.wechat.answers import id_in
from app.wechat.client import WeChatClient


async def send_notice(
    client: WeChatClient, *, openid: str, template_id: str, page: str, values: Mapping[str, str]
) -> str | None:
    """The msgid, which not every answer has; `values` by the template's keys (thing1, time2, …).

    POST /cgi-bin/message/subscribe/send (WxJava WxMaSubscribeMessage, WxMaErrorMsgEnum). Without
    consent left: UserRefused (43101). A value its key does not allow: ArgumentInvalid (47003).
    """
    asked = {
        "touser": openid,
        "template_id": template_id,
        "page": page,
        "data": {key: {"value": value} for key, value in values.items()},
        "miniprogram_state": "formal",
        "lang": "zh_CN",
    }
    mini = client.settings.mini
    answer = await client.call(mini, "POST", "/cgi-bin/message/subscribe/send", json=asked)
    return id_in(answer, "msgid") if "msgid" in answer else None

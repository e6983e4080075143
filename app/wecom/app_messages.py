"""Messages of our app to one member of the company (developer.work.weixin.qq.com 90236)."""

import re

from app.wecom.client import WeComClient
from app.wecom.errors import RecipientInvalid, WeComNotConfigured

USERID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.@-]{0,63}")
"""Without `|`, which separates several; `@all`, everybody, begins with no letter or digit."""
BAD_USERID = 40003
REPEAT_SECONDS = 1800


async def send_app_text(client: WeComClient, *, userid: str, text: str) -> None:
    """Write to one member; ≤ 2048 bytes. The same text is not shown twice within half an hour.

    Somebody outside the app's visible range is `invaliduser` in an answer whose errcode is 0.
    """
    if client.settings.agent_id is None:
        raise WeComNotConfigured
    if USERID.fullmatch(userid) is None:
        raise RecipientInvalid(BAD_USERID)
    message = {
        "touser": userid,
        "msgtype": "text",
        "agentid": client.settings.agent_id,
        "text": {"content": text},
        "enable_duplicate_check": 1,
        "duplicate_check_interval": REPEAT_SECONDS,
    }
    answer = await client.call("/cgi-bin/message/send", json=message)
    if answer.get("invaliduser"):
        raise RecipientInvalid(0, answer)

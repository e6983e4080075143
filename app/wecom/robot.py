"""What a group robot says (群机器人, now called 消息推送: developer.work.weixin.qq.com 91770).

It works in a company's own groups; not in ordinary WeChat groups.
"""

from collections.abc import Mapping
from typing import Any

from app.wecom.client import WeComClient


async def send_robot(client: WeComClient, *, key: str, message: Mapping[str, Any]) -> None:
    """Say `message`: {"msgtype": "text", "text": {"content": …}}, or markdown, news, image.

    text ≤ 2048 bytes and markdown ≤ 4096, else WeComTooLong; news has 1 to 8 articles; 20 messages
    a minute, else WeComRateLimited. There is nothing to tell a repeated message by.
    """
    await client.robot(key, message)

"""What a worker process opens once: its ways to the platforms."""

from app.qq.client import QQClient
from app.wechat.client import WeChatClient
from app.wecom.client import WeComClient


class Resources:
    wechat: WeChatClient
    wecom: WeComClient
    qq: QQClient

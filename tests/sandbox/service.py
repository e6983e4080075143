"""The service's side of a callback, played by wechatpy: an implementation that is not ours."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import xmltodict
from wechatpy.crypto import WeChatCrypto

from app.core.settings import Settings

Script = Callable[[dict[str, Any]], Awaitable[str] | str]


def answer_success(_: dict[str, Any]) -> str:
    return "success"


def text_reply(message: dict[str, Any], text: str) -> str:
    return (
        f"<xml><ToUserName><![CDATA[{message['FromUserName']}]]></ToUserName>"
        f"<FromUserName><![CDATA[{message['ToUserName']}]]></FromUserName>"
        "<CreateTime>1700000000</CreateTime><MsgType><![CDATA[text]]></MsgType>"
        f"<Content><![CDATA[{text}]]></Content></xml>"
    )


def echo(message: dict[str, Any]) -> str:
    return text_reply(message, f"收到：{str(message.get('Content')).replace(']]>', '')}")


@dataclass
class Service:
    """Remembers what came in and answers as its script says."""

    settings: Settings
    script: Script = answer_success
    seal: bool = True
    requests: list[httpx.Request] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    verified: int = 0

    async def handle(self, request: httpx.Request) -> httpx.Response:
        query = dict(request.url.params)
        if request.method == "GET" and "echostr" in query:
            self.verified += 1
            return httpx.Response(200, text=query["echostr"])
        self.requests.append(request)
        if not request.url.path.startswith("/wechat/"):
            return httpx.Response(200, json={"path": request.url.path, "query": query})
        message = self.open(request)
        self.messages.append(message)
        answer = self.script(message)
        answer = answer if isinstance(answer, str) else await answer
        if answer in {"", "success"} or not self.seal:
            return httpx.Response(200, text=answer)
        crypto = self.crypto(request)
        return httpx.Response(200, text=crypto.encrypt_message(answer, "nonce", "1700000000"))

    def crypto(self, request: httpx.Request) -> WeChatCrypto:
        appid = request.url.path.rsplit("/", 1)[-1]
        wechat = self.settings.wechat
        account = wechat.oa if appid == wechat.oa.appid else wechat.mini
        return WeChatCrypto(account.token, account.aes_key, appid)

    def open(self, request: httpx.Request) -> dict[str, Any]:
        query, text = dict(request.url.params), request.content.decode()
        if "msg_signature" in query:
            envelope = json.loads(text) if text.startswith("{") else xmltodict.parse(text)["xml"]
            crypto = self.crypto(request)
            signature = query["msg_signature"]
            text = crypto.decrypt_message(envelope, signature, query["timestamp"], query["nonce"])
        if text.startswith("{"):
            return dict(json.loads(text))
        return dict(xmltodict.parse(text)["xml"])

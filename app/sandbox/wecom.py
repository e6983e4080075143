"""WeCom (企业微信): its token, messages of our app to members, and the list of all its calls.

developer.work.weixin.qq.com 91039 (gettoken), 90236 (message/send); wechat-platform.md §6.3.
"""

import hmac
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.core import clock
from app.sandbox import wecom_robot, wecom_tasks
from app.sandbox.calls import OK, Answer, Call, Endpoint, Handler
from app.sandbox.corp import Corp, Member, PlatformToken
from app.sandbox.groups import Said
from app.sandbox.wecom_errors import WeComCallRefused

APP_TYPES = {"text": "content", "markdown": "content", "textcard": "title"}
"""msgtype → the field it cannot do without."""
APP_TEXT_MAX = 2048
REPEAT_SECONDS = 1800


async def get_token(call: Call) -> Mapping[str, object]:
    """The same token until its end, as opposed to WeChat's cgi-bin/token."""
    ours = call.world.settings.wecom
    for name, known, missing, wrong in (
        ("corpid", ours.corp_id, 41002, 40013),
        ("corpsecret", ours.secret, 41004, 40001),
    ):
        given = call.query.get(name)
        if not given:
            raise WeComCallRefused(missing)
        if known is None or not hmac.compare_digest(given.encode(), known.encode()):
            raise WeComCallRefused(wrong)
    corp, now = call.world.corp, clock.real_now()
    if corp.token is None or corp.token.expires_at <= now:
        expires_at = now + timedelta(seconds=corp.token_seconds)
        corp.token = PlatformToken(secrets.token_urlsafe(160), expires_at)
    left = int((corp.token.expires_at - now).total_seconds())
    return {**OK, "access_token": corp.token.value, "expires_in": left}


async def send_app_message(call: Call) -> Mapping[str, object]:
    """Unknown members are `invaliduser` in a success, unless there is nobody else: 81013."""
    body, corp = call.body, call.world.corp
    if str(body.get("agentid", "")) != str(call.world.settings.wecom.agent_id):
        raise WeComCallRefused(301002)
    kind, content = _read_message(body)
    asked = [one for one in str(body.get("touser", "")).split("|") if one]
    known = (
        list(corp.members) if asked == ["@all"] else [one for one in asked if one in corp.members]
    )
    if not known:
        raise WeComCallRefused(81013)
    for userid in known:
        if not _was_just_shown(corp, userid, body):
            _show(call, corp.members[userid], kind, content)
    invalid = [one for one in asked if one not in known and one != "@all"]
    answer = {**OK, "msgid": secrets.token_urlsafe(24)}
    return answer | ({"invaliduser": "|".join(invalid)} if invalid else {})


def _read_message(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    kind = body.get("msgtype")
    if not isinstance(kind, str) or kind not in APP_TYPES:
        raise WeComCallRefused(40008)
    content = body.get(kind)
    said = content.get(APP_TYPES[kind]) if isinstance(content, dict) else None
    if not isinstance(said, str) or not said or not isinstance(content, dict):
        raise WeComCallRefused(44004)
    if len(said.encode()) > APP_TEXT_MAX:
        raise WeComCallRefused(45002)
    return kind, {"text": said} | {k: v for k, v in content.items() if k in {"url", "description"}}


def _was_just_shown(corp: Corp, userid: str, body: Mapping[str, Any]) -> bool:
    """enable_duplicate_check: the same message again within the interval is swallowed."""
    key, now = (userid, repr(body.get(str(body["msgtype"])))), clock.real_now()
    before, corp.shown[key] = corp.shown.get(key), now
    interval = body.get("duplicate_check_interval", REPEAT_SECONDS)
    seconds = interval if isinstance(interval, int) and 0 < interval <= 4 * 3600 else REPEAT_SECONDS
    checks = body.get("enable_duplicate_check") == 1
    return checks and before is not None and now - before < timedelta(seconds=seconds)


def _show(call: Call, member: Member, kind: str, content: dict[str, Any]) -> None:
    number = next(call.world.sequence)
    member.messages.append(
        Said(number, f"app{number}", clock.utcnow(), "应用消息", "robot", kind, content)
    )


def _with_token(handler: Handler) -> Endpoint:
    """A call of our app: its token, and its address among the trusted ones."""

    async def checked(call: Call) -> Answer:
        corp, given = call.world.corp, call.query.get("access_token")
        if not given:
            raise WeComCallRefused(41001)
        if corp.token is None or not hmac.compare_digest(given.encode(), corp.token.value.encode()):
            raise WeComCallRefused(40014)
        if corp.token.expires_at <= clock.real_now():
            raise WeComCallRefused(42001)
        if not corp.trusted:
            raise WeComCallRefused(60020, call.ip)
        return await handler(call)

    return Endpoint(checked, "POST", token=False)


CONTACTS = "/cgi-bin/externalcontact"
ENDPOINTS: dict[str, Endpoint] = {
    "/cgi-bin/gettoken": Endpoint(get_token, token=False),
    "/cgi-bin/message/send": _with_token(send_app_message),
    "/cgi-bin/webhook/send": Endpoint(wecom_robot.send, "POST", token=False),
    "/cgi-bin/webhook/upload_media": Endpoint(wecom_robot.upload, "POST", token=False, form=True),
    f"{CONTACTS}/add_msg_template": _with_token(wecom_tasks.add_task),
    f"{CONTACTS}/get_groupmsg_list_v2": _with_token(wecom_tasks.list_tasks),
    f"{CONTACTS}/get_groupmsg_task": _with_token(wecom_tasks.list_senders),
    f"{CONTACTS}/get_groupmsg_send_result": _with_token(wecom_tasks.list_results),
    f"{CONTACTS}/remind_groupmsg_send": _with_token(wecom_tasks.remind),
    f"{CONTACTS}/cancel_groupmsg_send": _with_token(wecom_tasks.cancel),
}

"""Subscription messages (订阅消息) of the mini-program: consents, and what they are spent on.

WxJava WxMaSubscribeMessage, WxMaErrorMsgEnum, WxMpSubscribeMsgEvent; lengths by the table of
parameters in the template library [R on all but `thing`] (wechat-platform.md §4.4, §9.12).
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.core.errors import Invalid
from app.sandbox.accounts import Account, Push
from app.sandbox.acts import event
from app.sandbox.callbacks import Outcome, deliver
from app.sandbox.calls import OK, Call
from app.sandbox.errors import CallRefused
from app.sandbox.jobs import begin
from app.sandbox.press import Consent, Template
from app.sandbox.world import User, World

ASKED_MAX = 3
"""Templates in one popup."""
PAGE_MAX = 1024
STATES, LANGUAGES = ("developer", "trial", "formal"), ("zh_CN", "en_US", "zh_HK", "zh_TW")
DATE = r"\d{4}(年\d{1,2}月\d{1,2}日|[-/]\d{1,2}[-/]\d{1,2})"
TIME = r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
RULES: Mapping[str, str] = {
    "thing": r"[^\n]{1,20}",
    "number": r"-?\d{1,32}(\.\d{1,32})?",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": r"[^\w\s]{1,5}",
    "character_string": r"[\x21-\x7e]{1,32}",
    "time": rf"({DATE} ?)?{TIME}(~({DATE} ?)?{TIME})?|{DATE}",
    "date": rf"{DATE}( {TIME})?(~{DATE}( {TIME})?)?",
    "amount": r"[¥￥$]?\d{1,10}(\.\d{1,2})?元?",
    "phone_number": r"[0-9+\-() ]{1,17}",
    "car_number": r".{1,8}",
    "name": r"[\u4e00-\u9fff·]{1,10}|[A-Za-z .·]{1,20}",
    "phrase": r"[\u4e00-\u9fff]{1,5}",
    "const": r"[^\n]{1,20}",
}
KEY = re.compile(r"([a-z_]+?)\d{1,3}")


async def send_notice(call: Call) -> Mapping[str, object]:
    """message/subscribe/send: one consent, one message."""
    world, body, mini = call.world, call.body, call.caller
    user = world.openids.get((mini.appid, str(body.get("touser", ""))))
    if user is None:
        raise CallRefused(40003)
    template_id = body.get("template_id")
    if not isinstance(template_id, str) or not template_id:
        raise CallRefused(40037)
    _check_page(body)
    template = world.press.templates.get(template_id)
    values = read_values(body.get("data"), template)
    _spend_consent(user, template_id)
    msg_id = next(world.msg_ids)
    world.say(
        user,
        "account",
        type="notice",
        text="\n".join(f"{name}：{value}" for name, value in values.items()),
        title=template.title if template else "服务通知",
        page=body.get("page", ""),
        by=mini.name,
        template_id=template_id,
    )
    result = {
        "TemplateId": template_id,
        "MsgID": str(msg_id),
        "ErrorCode": "0",
        "ErrorStatus": "success",
    }
    push = _push(mini, user, "sent", [result])
    begin(world, 0, partial(_deliver, world, push))
    return {**OK, "msgid": msg_id}


async def answer_popup(
    world: World, user: User, choices: Mapping[str, bool], *, long_term: bool
) -> Outcome:
    """The resident tapped a button and answered; every acceptance counts once more."""
    if not 1 <= len(choices) <= ASKED_MAX:
        raise Invalid("一次弹窗可以询问 1 到 3 个模板")
    for template_id, accepted in choices.items():
        if accepted:
            consent = user.consents.setdefault(template_id, Consent())
            consent.left += 1
            consent.long_term = consent.long_term or long_term
    entries = [_choice(*one) | {"PopupScene": "0"} for one in choices.items()]
    return await deliver(world, _push(world.mini, user, "popup", entries))


async def change_consent(world: World, user: User, template_id: str, *, accept: bool) -> Outcome:
    """In the settings of the mini-program: refusing forgets what had been allowed."""
    if not accept:
        user.consents.pop(template_id, None)
    entries = [_choice(template_id, accept)]
    return await deliver(world, _push(world.mini, user, "change", entries))


def _choice(template_id: str, accepted: bool) -> dict[str, str]:  # noqa: FBT001  a pair of a dict
    said = "accept" if accepted else "reject"
    return {"TemplateId": template_id, "SubscribeStatusString": said}


def _push(mini: Account, user: User, kind: str, entries: Sequence[Mapping[str, str]]) -> Push:
    """The list stands inside a wrapper in XML, and at the top in JSON."""
    name, facts = f"subscribe_msg_{kind}_event", {"List": list(entries)}
    if mini.format == "json":
        return event(mini, user, name, **facts)
    return event(mini, user, name, **{f"SubscribeMsg{kind.capitalize()}Event": facts})


async def _deliver(world: World, push: Push) -> None:
    await deliver(world, push)


def _check_page(body: Mapping[str, Any]) -> None:
    page = body.get("page", "")
    if not isinstance(page, str) or page.startswith("/") or len(page) > PAGE_MAX:
        raise CallRefused(41030)
    if body.get("miniprogram_state", "formal") not in STATES:
        raise CallRefused(40097)
    if body.get("lang", "zh_CN") not in LANGUAGES:
        raise CallRefused(40097)


def read_values(data: Any, template: Template | None) -> dict[str, str]:
    """What the phone shows, by the names of the template; 47003 names the first bad key."""
    if not isinstance(data, Mapping) or not data:
        raise CallRefused(47003, key="", why="is empty")
    wanted = template.names if template else {}
    for key in wanted:
        if key not in data:
            raise CallRefused(47003, key=key, why="is empty")
    shown: dict[str, str] = {}
    for key, given in data.items():
        value = given.get("value") if isinstance(given, Mapping) else None
        if not isinstance(value, str) or not value:
            raise CallRefused(47003, key=key, why="is empty")
        kind = KEY.fullmatch(key)
        rule = RULES.get(kind[1]) if kind else None
        if rule is None or (wanted and key not in wanted):
            raise CallRefused(47003, key=key, why="is not in the template")
        if re.fullmatch(rule, value) is None:
            raise CallRefused(47003, key=key, why="invalid")
        shown[str(wanted.get(key, key))] = value
    return shown


def _spend_consent(user: User, template_id: str) -> None:
    consent = user.consents.get(template_id)
    if consent is None or (consent.left <= 0 and not consent.long_term):
        raise CallRefused(43101)
    if not consent.long_term:
        consent.left -= 1
        if consent.left <= 0:
            del user.consents[template_id]

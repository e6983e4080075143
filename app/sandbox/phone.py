"""The phone number a resident agreed to give (WD: getPhoneNumber; wechat-platform.md §4.2)."""

from collections.abc import Mapping

from app.core import clock
from app.sandbox.calls import OK, Call
from app.sandbox.errors import CallRefused
from app.sandbox.login import use_code


async def get_phone_number(call: Call) -> Mapping[str, object]:
    value = call.body.get("code")
    if not isinstance(value, str) or not value:
        raise CallRefused(40029)
    try:
        code = use_code(call.world, "phone", call.caller.appid, value)
    except CallRefused:
        # The table of this call knows 40029 only: also for a used code.
        raise CallRefused(40029) from None
    number = code.user.phone
    return {
        **OK,
        "phone_info": {
            "phoneNumber": number,
            "purePhoneNumber": number,
            "countryCode": "86",
            "watermark": {
                "timestamp": int(clock.utcnow().timestamp()),
                "appid": call.caller.appid,
            },
        },
    }

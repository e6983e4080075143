"""What the account may know about a follower: WD user/info (wechat-platform.md §4.5)."""

from collections.abc import Mapping

from app.sandbox.calls import Call
from app.sandbox.errors import CallRefused
from app.sandbox.login import unionid_of


async def get_follower(call: Call) -> Mapping[str, object]:
    """Nickname and portrait are no longer given (since 27 December 2021)."""
    openid = call.query.get("openid")
    if not openid:
        raise CallRefused(41009)
    user = call.world.openids.get((call.caller.appid, openid))
    if user is None:
        raise CallRefused(40003)
    known = {"openid": openid} | unionid_of(call.caller, user)
    if user.following is None:
        return {"subscribe": 0, **known}
    scene = user.following.scene
    numeric = scene is not None and scene.isdecimal()
    return {
        "subscribe": 1,
        **known,
        "language": "zh_CN",
        "subscribe_time": int(user.following.since.timestamp()),
        "remark": "",
        "groupid": 0,
        "tagid_list": [],
        "subscribe_scene": "ADD_SCENE_SEARCH" if scene is None else "ADD_SCENE_QR_CODE",
        "qr_scene": int(scene) if scene is not None and numeric else 0,
        "qr_scene_str": scene if scene is not None and not numeric else "",
    }

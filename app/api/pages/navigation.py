"""What stands in the bars of every page."""

from typing import NamedTuple


class Place(NamedTuple):
    path: str
    text: str
    icon: str


RESIDENT = (
    Place("/", "今日", "today"),
    Place("/credits", "学分", "coin"),
    Place("/ranking", "排行", "podium"),
    Place("/discover", "发现", "compass"),
    Place("/me", "我的", "person"),
)
STUDIO = (
    Place("/studio", "今日任务", "today"),
    Place("/studio/issues", "写内容", "pen"),
    Place("/studio/week", "一周安排", "calendar"),
    Place("/studio/activities", "签到码", "qr"),
    Place("/studio/groups", "我的群", "people"),
)
DESK = (
    Place("/desk", "总览", "chart"),
    Place("/desk/rankings", "学分排行", "podium"),
    Place("/desk/reviews", "审核", "check"),
    Place("/desk/pushes", "推送", "send"),
    Place("/desk/applications", "认定申请", "certificate"),
    Place("/desk/rules", "学分规则", "scale"),
    Place("/desk/people", "人员与权限", "people"),
    Place("/desk/organisations", "村社与单位", "home"),
    Place("/desk/audit", "操作日志", "book"),
)


def current_of(places: tuple[Place, ...], path: str) -> str:
    """The place whose address is the longest beginning of this path; "" if none is."""
    begun = [
        one.path
        for one in places
        if path == one.path or (one.path != "/" and path.startswith(f"{one.path}/"))
    ]
    return max(begun, key=len, default="")

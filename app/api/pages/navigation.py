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
    Place("/studio/manuscripts", "写稿送审", "pen"),
    Place("/studio/lessons", "课程", "book"),
    Place("/studio/week", "一周安排", "calendar"),
    Place("/studio/activities", "活动签到", "qr"),
    Place("/studio/groups", "我的群", "people"),
)
DESK = (
    Place("/desk", "总览", "chart"),
    Place("/desk/rankings", "学分排行", "podium"),
    Place("/desk/honours", "荣誉名册", "gift"),
    Place("/desk/tasks", "待办", "today"),
    Place("/desk/reviews", "审核", "check"),
    Place("/desk/calendar", "发布日历", "calendar"),
    Place("/desk/deliveries", "推送记录", "send"),
    Place("/desk/groups", "学习群", "people"),
    Place("/desk/prior-learning", "成果认定", "certificate"),
    Place("/desk/rules", "学分规则", "scale"),
    Place("/desk/roster", "人员与权限", "person"),
    Place("/desk/organisations", "村社与单位", "home"),
    Place("/desk/audit", "操作日志", "book"),
    Place("/desk/closes", "日结与核对", "lock"),
)
AT_THE_DESK = {"/desk/tasks", "/desk/reviews", "/desk/calendar", "/desk/deliveries", "/desk/groups"}
"""What editors and tutors share with the administrators."""
OF_TUTORS = "/desk/prior-learning"


def desk_of(*, admin: bool, tutors: bool) -> tuple[Place, ...]:
    """The places of the desk for this member of staff; tutors see the papers of 认定, too."""
    shown = {*AT_THE_DESK, OF_TUTORS} if tutors else AT_THE_DESK
    return DESK if admin else tuple(place for place in DESK if place.path in shown)


def current_of(places: tuple[Place, ...], path: str) -> str:
    """The place whose address is the longest beginning of this path; "" if none is."""
    begun = [
        one.path
        for one in places
        if path == one.path or (one.path != "/" and path.startswith(f"{one.path}/"))
    ]
    return max(begun, key=len, default="")

"""The log of what staff did: nobody can edit it, administrators of the place can read it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import Query, Request, Response

from app.api.deps import Cursor, EmptyIsAbsent, Now, SessionDep
from app.api.pages.doors import AdminActor
from app.api.pages.office_view import administered, names, query, show
from app.api.pages.router import page_router
from app.core.clock import BEGINNING, END, local_day, local_text
from app.people import policy, roster, staff_acts
from app.people import queries as people
from app.people.models import StaffAct
from app.people.rules import ROLES

router = page_router("/desk/audit")
PersonNumber = Annotated[int | None, Query(ge=1, lt=2**63), EmptyIsAbsent]
Act = Annotated[str | None, Query(max_length=64), EmptyIsAbsent]
Day = Annotated[date | None, Query(ge=BEGINNING, lt=END), EmptyIsAbsent]
SHOWN = 50
STAFF_MAX = 300
SUBJECTS = {
    "person": "人员",
    "session": "登录",
    "issue": "公众号稿件",
    "push": "每日推送",
    "delivery": "推送记录",
    "task": "待办",
    "group": "学习群",
    "plan": "发布计划",
    "day": "日期",
    "rule": "学分规则",
    "prior_learning": "认定申请",
    "transfer": "账目",
    "bank": "账目",
    "organisation": "机构",
    "organisations": "机构",
    "lesson": "课程",
    "activity": "活动",
    "message": "微信消息",
}
FACTS = {
    "reason": "理由",
    "role": "职责",
    "state": "状态",
    "decision": "决定",
    "version": "版本",
    "valid_from": "生效",
    "at": "时间",
    "act": "做法",
    "created": "新增",
    "updated": "改动",
    "transfers": "账目笔数",
    "wrong": "有误",
    "way": "方式",
    "device": "设备",
    "what": "做法",
    "kind": "类别",
    "until_on": "到期",
    "rows": "行数",
    "names": "姓名",
}
"""What of an act's facts is shown, and how it is called."""

WORDS: dict[str, str] = {
    **{str(role): title for role, title in ROLES.items()},
    "approve": "通过",
    "return": "退回",
    "published": "已发布",
    "retry": "重试",
    "give_up": "放弃",
    "mark_sent": "标记送达",
    "done": "办结",
    "dropped": "不用办",
    "register": "登记",
    "change": "修改",
    "end": "停用",
    "applied": "申请",
    "confirmed": "已核实",
    "approved": "已认定",
    "refused": "不予认定",
    "link": "登录链接",
    "oauth": "微信里登录",
    "scan": "扫码登录",
    "relay": "人工转发",
    "review": "审核",
    "rankings": "学分排行",
    "certificates": "证书名单",
    "xlsx": "Excel",
    "csv": "CSV",
    "full": "完整姓名",
    "masked": "打码",
    "failed": "没有成功",
    "answered": "已处理",
    "Text": "文字消息",
    "Subscribe": "关注",
    "Unsubscribe": "取消关注",
    "Scan": "扫码",
    "Click": "点菜单",
    "Unreadable": "读不懂的消息",
    "week_at_risk": "一周落空的风险",
    "publish_by_hand": "手工发布",
    "publish_doubt": "发布有疑问",
    "publish_failed": "没有发出",
    "delivery_doubt": "推送存疑",
    "delivery_failed": "推送失败",
    "delivery_overdue": "到点没有转发",
}
"""Values of facts that have a word of their own."""
MANUSCRIPT = {
    "draft": "回到作者",
    "second_review": "等复审",
    "final_review": "等终审",
    "approved": "三审通过",
}


@dataclass(frozen=True)
class Row:
    at: datetime
    who: str
    act: str
    subject: str
    facts: str
    request_id: str


@router.get("")
async def list_acts(
    request: Request,
    actor: AdminActor,
    session: SessionDep,
    now: Now,
    person: PersonNumber = None,
    act: Act = None,
    day: Day = None,
    cursor: Cursor = None,
) -> Response:
    """Of the staff of one's branch; who administers everything sees the command line's, too."""
    mine = administered(actor)
    everything = policy.can_set_rules(actor, await people.root_ids(session))
    page = await staff_acts.list_acts(
        session,
        below_org_ids=None if everything else mine,
        person_id=person,
        act=act if act in staff_acts.ACTS else None,
        day=day,
        cursor=cursor,
        limit=SHOWN,
    )
    said = await names(session, [one.person_id for one in page.items])
    staff = await roster.list_offices(session, org_ids=mine, day=local_day(now), limit=STAFF_MAX)
    asked: dict[str, object] = {"person": person, "act": act, "day": day}
    return show(
        request,
        "audit.html",
        rows=[_row(one, said[one.person_id] if one.person_id else "命令行") for one in page.items],
        staff=sorted({(str(one.person_id), one.name) for one in staff}),
        acts=list(staff_acts.ACTS.items()),
        asked={name: "" if value is None else str(value) for name, value in asked.items()},
        next_page=query("/desk/audit", **asked, cursor=page.next) if page.next else None,
        first_page=query("/desk/audit", **asked) if cursor else None,
    )


def _row(one: StaffAct, who: str) -> Row:
    kind, _, number = one.subject.partition(":")
    told = [
        f"{FACTS[name]}：{_value(kind, name, value)}"
        for name, value in one.facts.items()
        if name in FACTS and isinstance(value, str | int) and value != ""
    ]
    return Row(
        at=one.made_at,
        who=who,
        act=staff_acts.ACTS.get(one.act, one.act),
        subject=f"{SUBJECTS.get(kind, kind)} {number}",
        facts="；".join(told),
        request_id=one.request_id or "",
    )


def _value(kind: str, name: str, value: object) -> str:
    if name == "at" and "T" in str(value):
        return local_text(datetime.fromisoformat(str(value)))
    words = MANUSCRIPT if kind in {"issue", "push"} else WORDS
    return words.get(str(value)) or WORDS.get(str(value)) or str(value)

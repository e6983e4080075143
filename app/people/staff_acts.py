"""The audit log of staff, which nobody edits: a trigger refuses UPDATE, DELETE and TRUNCATE.

An act is noted in the transaction that does it, so one is never there without the other.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import paging
from app.core.clock import day_start
from app.core.logging import current_request_id
from app.core.paging import Page
from app.people.models import Office, Organisation, StaffAct

ACTS = {
    "sign_in": "登录网页",
    "sign_out": "退出网页",
    "sessions.revoke": "让其他设备退出登录",
    "login_link.make": "签发一次性登录链接",
    "office.grant": "授予职责",
    "office.end": "结束职责",
    "person.merge": "合并两个账户",
    "person.unmerge": "撤销账户合并",
    "person.correct_village": "更正居民的村（社区）",
    "person.see": "查看居民的学习记录（须说明理由）",
    "organisation.import": "导入机构",
    "lesson.write": "保存课程草稿",
    "lesson.publish": "发布课程",
    "lesson.withdraw": "撤下课程",
    "issue.submit": "送审",
    "issue.review": "审核",
    "issue.schedule": "安排发布时间",
    "issue.decide": "决定没有发出或有疑问的一期",
    "issue.withdraw": "撤回",
    "delivery.settle": "登记转发结果",
    "group.change": "设置群",
    "plan.change": "调整发布计划",
    "day.close": "设为停发日",
    "day.open": "取消停发日",
    "task.close": "办结待办",
    "issue.move": "调整推送日期",
    "activity.announce": "发布活动",
    "activity.confirm": "确认到场",
    "rule.publish": "发布学分规则新版本",
    "bank.audit": "核对账目",
    "transfer.reverse": "冲正学分",
    "prior_learning.confirm": "核实学习成果",
    "prior_learning.decide": "认定学习成果",
    "export.make": "导出表格",
    "inbox.replay": "重新处理消息",
}
"""Every act there is, in Chinese; a new one is a new line here."""


async def note(
    session: AsyncSession,
    *,
    person_id: int | None,
    act: str,
    subject: str,
    facts: Mapping[str, object] | None = None,
    now: datetime,
) -> StaffAct:
    """Write down who did what to what. `person_id` None is the operator's command line.

    `subject` is `kind:id`; `facts` are plain JSON without names, openids or phone numbers: the
    row outlasts an erasure.
    """
    assert act in ACTS, act
    noted = StaffAct(
        person_id=person_id,
        act=act,
        subject=subject,
        facts=dict(facts or {}),
        made_at=now,
        request_id=current_request_id(),
    )
    session.add(noted)
    await session.flush()
    return noted


async def list_acts(
    session: AsyncSession,
    *,
    below_org_ids: Collection[int] | None = None,
    person_id: int | None = None,
    act: str | None = None,
    subject: str | None = None,
    day: date | None = None,
    cursor: str | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> Page[StaffAct]:
    """The newest first; `below_org_ids`: of those who hold or held an office there or below."""
    rows = select(StaffAct).order_by(StaffAct.id.desc()).limit(limit + 1)
    if below_org_ids is not None:
        offices = select(Office.person_id).join(Organisation, Organisation.id == Office.org_id)
        there = offices.where(Organisation.lineage.overlap(list(below_org_ids)))
        rows = rows.where(StaffAct.person_id.in_(there))
    for column, value in (
        (StaffAct.person_id, person_id),
        (StaffAct.act, act),
        (StaffAct.subject, subject),
    ):
        if value is not None:
            rows = rows.where(column == value)
    if day is not None:
        end = day_start(day + timedelta(days=1))
        rows = rows.where(StaffAct.made_at >= day_start(day), StaffAct.made_at < end)
    if cursor is not None:
        rows = rows.where(StaffAct.id < paging.decode(cursor, int)[0])
    found = list(await session.scalars(rows))
    more = len(found) > limit
    return Page(found[:limit], paging.encode(found[limit - 1].id) if more else None)

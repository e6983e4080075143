"""Signing in on a computer by scanning its screen: what the phone is told, and what it answers.

The phone decides: a scan alone signs nobody in, since anybody may hold a code before a camera.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_text
from app.core.errors import DomainError
from app.flows.chat import NOISE
from app.people import sign_in_tickets
from app.people.models import Person

CONFIRM = "确认登录"
NOTHING = "没有等待确认的电脑登录。请先用微信扫电脑上的登录码，再回复「确认登录」。"
DONE = "已确认。电脑上马上就会进入首善学堂；如果不是您本人操作，请立即在「我的」里让其他设备退出。"


def is_confirmation(said: str) -> bool:
    return NOISE.sub("", said) == CONFIRM


async def scanned(session: AsyncSession, *, person: Person, code: str, now: datetime) -> str:
    try:
        await sign_in_tickets.note_scan(session, code=code, person_id=person.id, now=now)
    except DomainError as error:
        return f"{error.title}。"
    number = sign_in_tickets.check_number(code)
    return (
        f"有人在电脑上登录首善学堂（{local_text(now)}，核对数字 {number}）。\n"
        f"如果是您本人，并且电脑上的数字也是 {number}，请回复「{CONFIRM}」。\n"
        "不是您本人，请不要回复，更不要把这个数字告诉别人。"
    )


async def confirmed(session: AsyncSession, *, person_id: int, now: datetime) -> str:
    done = await sign_in_tickets.confirm_last(session, person_id=person_id, now=now)
    return DONE if done else NOTHING

"""What a tutor forwards by hand: the words, the link, the poster of one group's delivery."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.content.errors import LessonNotFound
from app.editorial import queries as editorial
from app.push import deliveries, groups
from app.push.links import Links, code_of
from app.push.texts import relay_text


@dataclass(frozen=True)
class Relay:
    """`code` is the delivery's signed one: /g/{code}, /posters/{code}.png."""

    group: str
    title: str
    text: str
    link: str
    code: str
    deadline_at: datetime


async def find_relay(session: AsyncSession, *, delivery_id: int, links: Links) -> Relay | None:
    """None once its lesson was taken off the shelf for good."""
    delivery = await deliveries.find(session, delivery_id=delivery_id)
    group = await groups.get_group(session, group_id=delivery.group_id)
    body = await editorial.body_of(session, manuscript_id=delivery.manuscript_id)
    try:
        lesson = await content.get_lesson(
            session, lesson_id=body["lesson_id"], version_id=body["lesson_version_id"]
        )
    except LessonNotFound:
        return None
    notice = deliveries.notice_of(delivery, lesson, body["text"], links=links)
    return Relay(
        group=group.name,
        title=lesson.title,
        text=relay_text(notice),
        link=notice.link,
        code=code_of(delivery.id, secret=links.secret),
        deadline_at=delivery.deadline_at,
    )

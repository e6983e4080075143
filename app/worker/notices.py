"""Jobs towards single persons: letters, reminders; and the platform's look at a manuscript."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from app.core import clock
from app.core.clock import local_day, utcnow
from app.core.db import transaction
from app.core.errors import DomainError, Unavailable
from app.core.exchange import PlatformUnavailable
from app.core.jobs import Job, queue
from app.core.logging import get_logger
from app.core.settings import get_settings
from app.flows import letters as outgoing
from app.flows import reminders, word_check
from app.flows.letters import Envelope, Senders
from app.push import letters, reminding
from app.wechat.calls import check_text, send_custom_text
from app.wechat.errors import NotRecentlyActive, UserRefused
from app.wechat.notices import send_notice
from app.wechat.replies import cut
from app.wechat.token import TokenUnavailable
from app.wecom.app_messages import send_app_text
from app.worker.resources import Resources
from app.worker.tasks import TRANSIENT

log = get_logger()
AT_ONCE = 2
TURN_SECONDS = 5
"""Reminders one after the other: what is urgent waits no longer than that for a free hand."""
CHECK_SCENE: Literal[3] = 3
"""Forum: what everybody may read (wechat-platform.md §7)."""


@queue.task(name=Job.DELIVER_LETTER, queue="push", retry=TRANSIENT)
async def deliver_letter(letter_id: int, until_id: int | None = None) -> None:
    """One letter, or every reminder that waits from it up to another."""
    if until_id is None:
        await _deliver(letter_id)
        return
    async with transaction() as session:
        waiting = await reminding.list_waiting(session, first_id=letter_id, last_id=until_id)
    await _deliver_many(waiting, until_id=until_id)


async def _deliver_many(waiting: Sequence[int], *, until_id: int) -> None:
    """One after the other, for one turn; the rest gets in line again, as a new job.

    A platform that is away ends the turn; where nothing had got through yet the queue makes its
    pauses. Whatever else befalls a letter is between it and a job of its own.
    """
    begun = clock.monotonic()
    for done, one in enumerate(waiting):
        if clock.monotonic() - begun > TURN_SECONDS:
            break
        try:
            await _deliver(one)
        except (TokenUnavailable, PlatformUnavailable):
            if done == 0:
                raise
            break
        except Exception as error:  # noqa: BLE001  the others' letters are no worse for it
            log.warning("letter.failed", letter_id=one, error=type(error).__name__)
            async with transaction() as session:
                await letters.queue_alone(session, letter_id=one)
    else:
        return
    async with transaction() as session:
        await reminding.queue_rest(session, first_id=one, last_id=until_id)


async def _deliver(letter_id: int) -> None:
    """Claim, call, record, by one route after the other until one has taken it.

    A refusal is definite: the next route is tried. A call without an answer is in doubt for ever.
    """
    senders = Senders.of(get_settings())
    while True:
        async with transaction() as session:
            envelope = await outgoing.claim(
                session, letter_id=letter_id, senders=senders, now=utcnow()
            )
        if envelope is None or await _carry(envelope):
            return


async def _carry(envelope: Envelope) -> bool:
    """Whether this was the letter's end: sent or in doubt. Raises where nothing was sent."""
    letter_id = envelope.letter_id
    state, detail = "sent", None
    try:
        await _call(envelope)
    except (TokenUnavailable, PlatformUnavailable) as error:
        if isinstance(error, TokenUnavailable) or not error.maybe_done:
            # Nothing was sent, and that is certain: the letter waits, and the queue tries again.
            async with transaction() as session:
                await letters.put_back(session, letter_id=letter_id)
            raise
        state, detail = "unknown", "没有收到平台的答复，是否送达未知"
    except DomainError as error:
        async with transaction() as session:
            await letters.pass_on(
                session,
                letter_id=letter_id,
                why=f"{error.code} {error.title}",
                consent_gone=isinstance(error, UserRefused),
                now=utcnow(),
            )
        return False
    async with transaction() as session:
        await letters.record(session, letter_id=letter_id, state=state, detail=detail, now=utcnow())
    return True


async def _call(envelope: Envelope) -> None:
    match envelope.route:
        case "custom":
            await send_custom_text(Resources.wechat, openid=envelope.address, text=envelope.text)
        case "notice":
            assert envelope.template_id is not None
            await send_notice(
                Resources.wechat,
                openid=envelope.address,
                template_id=envelope.template_id,
                page=envelope.page,
                values=envelope.values,
            )
        case _:
            # 2048 bytes, as a customer-service message (developer.work.weixin.qq.com 90236).
            await send_app_text(Resources.wecom, userid=envelope.address, text=cut(envelope.text))


@queue.task(name=Job.REMIND_LEARNERS, retry=TRANSIENT)
async def remind_learners(due_at: str) -> None:
    """Who asked to be reminded is, once a day; a run that comes only on the next day is void."""
    if local_day(utcnow()) != local_day(datetime.fromisoformat(due_at)):
        return
    settings = get_settings()
    template_id = settings.push.notice_templates.get("lesson")
    if template_id is not None:
        await remind_everybody(
            appid=settings.wechat.mini.appid, template_id=template_id, now=utcnow()
        )
    guest: tuple[int, int] | None = (0, 0)
    while guest is not None:
        async with transaction() as session:
            guest = await reminders.remind_guests(session, after=guest, now=utcnow())
    log.info("learners.reminded", due_at=due_at)


async def remind_everybody(*, appid: str, template_id: str, now: datetime) -> None:
    """Today's lesson, batch by batch, two at a time: a million takes two cores of the database."""
    async with transaction() as session:
        batches = iter(await reminders.list_batches(session))

    async def remind() -> None:
        for after in batches:
            async with transaction() as session:
                await reminders.remind_learners(
                    session, appid=appid, template_id=template_id, after=after, now=now
                )

    async with asyncio.TaskGroup() as both:
        for _ in range(AT_ONCE):
            both.create_task(remind())


@queue.task(name=Job.CHECK_WORDS, queue="push", retry=TRANSIENT)
async def check_words(manuscript_id: int, version: int) -> None:
    """Ask WeChat about a manuscript's words, and flag what it points at for the reviewers."""
    appid = get_settings().wechat.mini.appid
    async with transaction() as session:
        reading = await word_check.claim(
            session, manuscript_id=manuscript_id, version=version, appid=appid
        )
    if reading is None:
        return
    flags = await _check(reading)
    async with transaction() as session:
        await word_check.record(session, manuscript_id=manuscript_id, version=version, flags=flags)


async def _check(reading: word_check.Reading) -> list[word_check.Flag]:
    if reading.openid is None:
        return [word_check.unchecked(word_check.NO_IDENTITY)]
    flags: list[word_check.Flag] = []
    for where, piece in reading.pieces:
        try:
            found = await check_text(
                Resources.wechat, openid=reading.openid, scene=CHECK_SCENE, content=piece
            )
        except NotRecentlyActive:
            return [*flags, word_check.unchecked(word_check.NOT_ACTIVE)]
        except DomainError as error:
            if isinstance(error, Unavailable):
                raise  # Asking again does no harm.
            return [*flags, word_check.unchecked(f"无法自动检查：{error.title}")]
        flag = word_check.flag_of(where, suggest=found.suggest, label=found.label)
        flags += [] if flag is None else [flag]
    return flags

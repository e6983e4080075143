"""What people agree to: each purpose by itself, in a version, taken back at any time.

Whoever has an open consent to `ranking` is shown in rankings, and nobody else:
`Person.rank_visible` always says the same as the consent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.people.errors import (
    BirthYearUnsuitable,
    ConsentOutdated,
    GuardianNeeded,
    GuardianUnsuitable,
    PurposeUnknown,
)
from app.people.models import Consent, Person
from app.people.queries import lock_kept
from app.people.rules import BIRTH_YEAR_MIN, holds_number, needs_guardian

NOTE_LENGTH_MAX = 200


@dataclass(frozen=True)
class Purpose:
    """One purpose of handling personal data; a new text is a new version."""

    title: str
    version: int
    text: str


PURPOSES = {
    "service": Purpose(
        "服务必需",
        1,
        "为记录您的学习和学分，我们保存您的微信标识、您填写的姓名和所在村（社区）或单位，"
        "以及学习记录。您可以随时查看、导出、更正或删除。",
    ),
    "ranking": Purpose(
        "公开排名",
        1,
        "同意后，您会以隐去部分的姓名出现在学习排名中。不同意不影响学习和学分，随时可以关闭。",
    ),
    "sharing": Purpose(
        "分享荣誉",
        1,
        "同意后，您可以把自己的荣誉做成一张图片，图上有您的称呼、荣誉名称和日期。"
        "图片只在您点“做成图片”时生成，发给谁由您决定。随时可以关闭，已经发出去的图片收不回来。",
    ),
    "notices": Purpose(
        "学习提醒",
        1,
        "同意后，我们会通过微信提醒您当日学习和活动。随时可以关闭。",
    ),
}


async def give(
    session: AsyncSession,
    *,
    person_id: int,
    purpose: str,
    version: int,
    guardian_id: int | None = None,
    guardian_note: str | None = None,
    now: datetime,
) -> Consent:
    """Agree to one purpose in its present version; again changes nothing.

    A child's consent is the guardian's: a user (`guardian_id`), or a paper (`guardian_note` says
    where it is kept). `guardian_id` is the signed-in guardian, never a value the child sends.
    """
    if purpose not in PURPOSES:
        raise PurposeUnknown(purpose=purpose)
    if version != PURPOSES[purpose].version:
        raise ConsentOutdated(purpose=purpose, version=PURPOSES[purpose].version)
    person = await lock_kept(session, person_id)
    by_guardian = guardian_id is not None or guardian_note is not None
    await _check_guardian(session, person, guardian_id, guardian_note, now)

    consent = await current(session, person_id=person.id, purpose=purpose)
    if consent is not None and consent.version == version:
        if is_childs(person, now) and not is_guardians(consent) and not by_guardian:
            raise GuardianNeeded(purpose=purpose)
        if not by_guardian or is_guardians(consent):
            return consent
        consent.withdrawn_at = now  # replaced by the guardian's
        await session.flush()
    elif is_childs(person, now) and not by_guardian:
        raise GuardianNeeded(purpose=purpose)
    consent = Consent(
        person_id=person.id,
        purpose=purpose,
        version=version,
        given_at=now,
        guardian_id=guardian_id,
        guardian_note=guardian_note,
    )
    session.add(consent)
    if purpose == "ranking":
        person.rank_visible = True
    await session.flush()
    return consent


async def withdraw(session: AsyncSession, *, person_id: int, purpose: str, now: datetime) -> None:
    """Take a consent back, whatever its version; without one, nothing happens."""
    if purpose not in PURPOSES:
        raise PurposeUnknown(purpose=purpose)
    person = await lock_kept(session, person_id)
    open_ones = (
        Consent.person_id == person.id,
        Consent.purpose == purpose,
        Consent.withdrawn_at.is_(None),
    )
    await session.execute(update(Consent).where(*open_ones).values(withdrawn_at=now))
    if purpose == "ranking":
        person.rank_visible = False
    await session.flush()


async def current(session: AsyncSession, *, person_id: int, purpose: str) -> Consent | None:
    """The open consent in its newest version, which may be older than that of `PURPOSES`."""
    newest: Consent | None = await session.scalar(
        select(Consent)
        .where(
            Consent.person_id == person_id,
            Consent.purpose == purpose,
            Consent.withdrawn_at.is_(None),
        )
        .order_by(Consent.version.desc())
        .limit(1)
    )
    return newest


async def list_consents(session: AsyncSession, *, person_id: int) -> Sequence[Consent]:
    rows = select(Consent).where(Consent.person_id == person_id).order_by(Consent.id)
    return (await session.scalars(rows)).all()


async def record_birth_year(
    session: AsyncSession, *, person_id: int, birth_year: int | None, now: datetime
) -> Person:
    """Staff enrol a pupil; never the persons themselves, for a child would make itself older.

    Whoever turns out to be a child leaves the rankings until a guardian agrees.
    """
    if birth_year is not None and not BIRTH_YEAR_MIN <= birth_year <= local_day(now).year:
        raise BirthYearUnsuitable
    person = await lock_kept(session, person_id)
    person.birth_year = birth_year
    await hide_child(session, person=person, now=now)
    await session.flush()
    return person


async def hide_child(session: AsyncSession, *, person: Person, now: datetime) -> None:
    """Withdraw a ranking consent that a child gave by itself."""
    if not is_childs(person, now):
        return
    consent = await current(session, person_id=person.id, purpose="ranking")
    if consent is not None and not is_guardians(consent):
        await withdraw(session, person_id=person.id, purpose="ranking", now=now)


def is_childs(person: Person, now: datetime) -> bool:
    return needs_guardian(person.birth_year, local_day(now))


def is_guardians(consent: Consent) -> bool:
    return consent.guardian_id is not None or consent.guardian_note is not None


async def _check_guardian(
    session: AsyncSession,
    person: Person,
    guardian_id: int | None,
    guardian_note: str | None,
    now: datetime,
) -> None:
    if guardian_note is not None and (
        not 1 <= len(guardian_note.strip()) <= NOTE_LENGTH_MAX or holds_number(guardian_note)
    ):
        raise GuardianUnsuitable("请用 200 字以内写明监护人同意书的存放处，不要填写号码")
    if guardian_id is None:
        return
    guardian = await session.get(Person, guardian_id)
    if guardian is None or guardian.id == person.id or guardian.erased_at is not None:
        raise GuardianUnsuitable
    if is_childs(guardian, now):
        raise GuardianUnsuitable("监护人须为成年人")

"""A certificate for an honour: whose it is, and what everybody may read of it."""

from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Forbidden, NotFound
from app.people import consents
from app.people import queries as people
from app.people.models import Person
from app.people.rules import mask_name
from app.recognition.certificates import Certificate, number_of, read_number
from app.recognition.models import Honour
from app.recognition.rules import BY_CODE

SERVICE = "首善学堂"
NAMELESS = "乡亲"


@dataclass(frozen=True)
class Press:
    """How this installation numbers certificates and spells their public addresses."""

    base_url: str
    secret: str = field(repr=False)


class NoSuchCertificate(NotFound):
    title = "没有这张证书"


class NotAgreedToShare(Forbidden):
    title = "要您先同意，才能做成图片"


def certificate_of(honour: Honour, holder: str, issuer: str, *, press: Press) -> Certificate:
    number = number_of(honour.id, honour.granted_on, secret=press.secret)
    return Certificate(
        number=number,
        kind="title" if honour.kind == "title" else "badge",
        honour=honour.name,
        meaning=BY_CODE[honour.code].meaning,
        holder=holder,
        granted_on=honour.granted_on,
        issuer=issuer,
        link=f"{press.base_url}/verify/{number}",
    )


async def verify(session: AsyncSession, *, number: str, press: Press) -> Certificate | None:
    """For everybody: with a masked name. None for a number that is none, or whose holder left."""
    found = await _find(session, number, press)
    if found is None:
        return None
    honour, person = found
    issuer = await issuer_of(session, person)
    # The paper calls who gave no name the same.
    holder = mask_name(person.name) if person.name else NAMELESS
    return certificate_of(honour, holder, issuer, press=press)


async def own(session: AsyncSession, *, number: str, person_id: int, press: Press) -> Certificate:
    """With the name as its holder wants to be called. Somebody else's is NoSuchCertificate."""
    found = await _find(session, number, press)
    if found is None or found[1].id != person_id:
        raise NoSuchCertificate
    honour, person = found
    issuer = await issuer_of(session, person)
    return certificate_of(honour, person.name or NAMELESS, issuer, press=press)


async def own_to_share(
    session: AsyncSession, *, number: str, person_id: int, press: Press
) -> Certificate:
    """The same for a picture to show to others. Raises NotAgreedToShare without the consent."""
    made = await own(session, number=number, person_id=person_id, press=press)
    if await consents.current(session, person_id=person_id, purpose="sharing") is None:
        raise NotAgreedToShare
    return made


async def issuer_of(session: AsyncSession, person: Person) -> str:
    """The town that the holder belongs to; who declared none has it from the service."""
    town_id = await people.find_town(session, person)
    if town_id is None:
        return SERVICE
    return (await people.get_organisation(session, town_id)).name


async def _find(session: AsyncSession, number: str, press: Press) -> tuple[Honour, Person] | None:
    honour_id = read_number(number, secret=press.secret)
    honour = None if honour_id is None else await session.get(Honour, honour_id)
    if honour is None:
        return None
    holder_id = await people.resolve_alias(session, honour.person_id)
    person = await people.get_person(session, holder_id)
    return None if person.erased_at is not None else (honour, person)

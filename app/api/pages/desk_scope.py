"""Which branch of the tree a page of the desk is about: never beyond the administrator's own."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.people import policy
from app.people import queries as people
from app.people.models import Organisation
from app.people.policy import Actor
from app.ranking.spans import Branch

CHOICES_MAX = 300
"""Villages and units of a county fit; a longer list helps nobody to choose."""
HIDDEN_KINDS = ("group", "family")


@dataclass(frozen=True)
class Scope:
    """The branch in question, and those the administrator can choose from."""

    org: Organisation
    choices: Sequence[Organisation]

    @property
    def branch(self) -> Branch:
        return Branch(org_id=self.org.id, is_root=self.org.parent_id is None)

    @property
    def options(self) -> list[tuple[str, str]]:
        """For a select; the deeper, the further in."""
        top = min((len(one.lineage) for one in self.choices), default=0)
        return [(one.code, "　" * (len(one.lineage) - top) + one.name) for one in self.choices]


async def scope_of(session: AsyncSession, actor: Actor, code: str | None) -> Scope:
    """The branch of this code, or the first one administered. Raises NotYourBranch."""
    own = [office.org_id for office in actor.offices if office.role == "admin"]
    if code is None:
        org = await people.get_organisation(session, own[0])
    else:
        org = await people.org_by_code(session, code)
    if not policy.can_administer(actor, org.lineage):
        raise NotYourBranch
    rows = (
        select(Organisation)
        .where(Organisation.lineage.overlap(own), Organisation.kind.not_in(HIDDEN_KINDS))
        .order_by(Organisation.lineage, Organisation.id)
        .limit(CHOICES_MAX)
    )
    choices = list(await session.scalars(rows))
    if org.id not in {one.id for one in choices}:
        choices.append(org)
    return Scope(org, choices)

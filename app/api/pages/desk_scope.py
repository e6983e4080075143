"""Which branch of the tree a page of the desk is about: never beyond the administrator's own."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.people import policy
from app.people import queries as people
from app.people.models import Organisation
from app.people.policy import Actor
from app.ranking.spans import Branch

CHOICES_MAX = 120
"""A town with its villages and units fits. In a county only what is near is offered: the way up,
what is beside, and what is right below.
"""
NEAR_MAX = 300
HIDDEN_KINDS = ("group", "family")


@dataclass(frozen=True)
class Scope:
    """The branch in question, and those the administrator can choose from."""

    org: Organisation
    choices: Sequence[Organisation]
    towns: int
    """How many towns there are in the branch: one, or none, in a town's own installation."""

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
    )
    choices = list(await session.scalars(rows.limit(CHOICES_MAX + 1)))
    if len(choices) > CHOICES_MAX:
        beside = [org.id] if org.parent_id is None else [org.id, org.parent_id]
        near = or_(Organisation.id.in_([*own, *org.lineage]), Organisation.parent_id.in_(beside))
        choices = list(await session.scalars(rows.where(near).limit(NEAR_MAX)))
    if org.id not in {one.id for one in choices}:
        choices.append(org)
    in_branch = select(func.count()).where(
        Organisation.kind == "town", Organisation.lineage.contains([org.id])
    )
    return Scope(org, choices, await session.scalar(in_branch) or 0)

"""Who may do what: rights follow the tree, an office covers everything below its organisation.

A lineage is the ids from the root down to the organisation in question (`queries.lineage_of`), for
a person those of the home and of the unit together (`queries.lineage_of_person`). An empty one is
covered by nobody.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date

from app.people.rules import Role


@dataclass(frozen=True)
class OfficeView:
    office_id: int
    role: str
    org_id: int
    org_code: str
    org_name: str
    title: str | None
    since_on: date
    until_on: date | None


@dataclass(frozen=True)
class Actor:
    """Who asks, with the offices held today (`offices.actor_of`)."""

    person_id: int
    offices: tuple[OfficeView, ...] = ()


def holds(actor: Actor, role: Role, lineage: Collection[int]) -> bool:
    return any(office.role == role and office.org_id in lineage for office in actor.offices)


def orgs_where(actor: Actor, may: Callable[[Actor, Collection[int]], bool]) -> list[int]:
    """The organisations of the offices that give this right: it holds for all below them."""
    return sorted({one.org_id for one in actor.offices if may(actor, (one.org_id,))})


def can_administer(actor: Actor, lineage: Collection[int]) -> bool:
    return holds(actor, "admin", lineage)


def can_tutor(actor: Actor, lineage: Collection[int]) -> bool:
    return holds(actor, "tutor", lineage) or holds(actor, "admin", lineage)


def can_grant(actor: Actor, lineage: Collection[int]) -> bool:
    """Grant or end an office at the organisation of this lineage."""
    return can_administer(actor, lineage)


def can_see_person(actor: Actor, lineage: Collection[int]) -> bool:
    """See somebody else's name and record; everybody sees their own without asking."""
    return can_tutor(actor, lineage)


def can_correct_village(
    actor: Actor, old_lineage: Collection[int], new_lineage: Collection[int]
) -> bool:
    """A tutor corrects residents of their own area, or takes in somebody who declared nothing.

    Nobody pulls a resident out of another tutor's area.
    """
    return can_tutor(actor, old_lineage or new_lineage)


def can_merge(actor: Actor, kept: Collection[int], merged: Collection[int]) -> bool:
    """Offices and credit follow a merge, so it needs an administrator over both persons."""
    return can_administer(actor, kept) and can_administer(actor, merged)


def can_set_rules(actor: Actor, roots: Collection[int]) -> bool:
    """Change what holds for the whole installation: credit rules, the tree, the audit."""
    return bool(roots) and all(can_administer(actor, (root,)) for root in roots)


WRITERS: tuple[Role, ...] = ("tutor", "lecturer", "editor", "chief_editor", "admin")
PUBLISHERS: tuple[Role, ...] = ("editor", "chief_editor", "admin")


def can_write(actor: Actor, lineage: Collection[int]) -> bool:
    """Write and submit what is to be published or pushed."""
    return any(holds(actor, role, lineage) for role in WRITERS)


def can_upload(actor: Actor) -> bool:
    """Keep a picture: it belongs to no organisation, so any office that writes will do."""
    return any(office.role in WRITERS for office in actor.offices)


def can_review(actor: Actor, role: Role, lineage: Collection[int]) -> bool:
    """Give the review that takes this role; an administrator does not stand in for an editor."""
    return holds(actor, role, lineage)


def can_publish(actor: Actor, lineage: Collection[int]) -> bool:
    """Schedule, withdraw, and settle what is in doubt."""
    return any(holds(actor, role, lineage) for role in PUBLISHERS)


def can_see_pushing(actor: Actor, lineage: Collection[int]) -> bool:
    """See drafts, deliveries and what reached whom."""
    return can_publish(actor, lineage) or holds(actor, "tutor", lineage)

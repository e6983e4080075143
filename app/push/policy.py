"""Who may close what there is to do."""

from collections.abc import Collection

from app.people.policy import Actor, can_administer
from app.push.models import Task


def can_finish(
    actor: Actor, task: Task, *, selves: Collection[int], lineage: Collection[int]
) -> bool:
    """Who was asked: in person or by office; or an administrator of the place.

    `selves` are the ids the actor ever had, `lineage` is that of the task's organisation.
    """
    by_office = any(one.role == task.role and one.org_id in lineage for one in actor.offices)
    return task.person_id in selves or by_office or can_drop(actor, lineage)


def can_drop(actor: Actor, lineage: Collection[int]) -> bool:
    return can_administer(actor, lineage)

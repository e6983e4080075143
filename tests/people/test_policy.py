from datetime import date

import pytest

from app.people.policy import (
    Actor,
    OfficeView,
    can_administer,
    can_correct_village,
    can_grant,
    can_merge,
    can_publish,
    can_review,
    can_see_person,
    can_see_pushing,
    can_tutor,
    can_upload,
    can_write,
    holds,
)
from app.people.rules import ROLES, Role

COUNTY, TOWN, VILLAGE, OTHER = (1,), (1, 2), (1, 2, 3), (1, 2, 4)


def actor(role: str, org_id: int) -> Actor:
    view = OfficeView(1, role, org_id, "T", "双槐镇", None, date(2026, 1, 1), None)
    return Actor(person_id=7, offices=(view,))


@pytest.mark.parametrize(
    ("org_id", "lineage", "covered"),
    [
        (1, VILLAGE, True),
        (2, VILLAGE, True),
        (3, VILLAGE, True),
        (3, TOWN, False),
        (3, OTHER, False),
        (2, COUNTY, False),
        (3, (), False),
    ],
)
@pytest.mark.parametrize("role", list(ROLES))
def test_an_office_covers_itself_and_what_is_below(
    role: Role, org_id: int, lineage: tuple[int, ...], covered: bool
) -> None:
    assert holds(actor(role, org_id), role, lineage) is covered


@pytest.mark.parametrize("role", list(ROLES))
def test_a_role_is_no_other_role(role: Role) -> None:
    mine = actor(role, 2)
    assert can_administer(mine, VILLAGE) is (role == "admin")
    assert can_grant(mine, VILLAGE) is (role == "admin")
    assert can_tutor(mine, VILLAGE) is (role in {"admin", "tutor"})
    assert can_see_person(mine, VILLAGE) is (role in {"admin", "tutor"})
    assert [other for other in ROLES if holds(mine, other, VILLAGE)] == [role]


@pytest.mark.parametrize("role", list(ROLES))
def test_who_writes_reviews_publishes_and_sees_it(role: Role) -> None:
    mine = actor(role, 2)
    assert can_write(mine, VILLAGE) is can_upload(mine) is (role != "volunteer")
    assert can_publish(mine, VILLAGE) is (role in {"editor", "chief_editor", "admin"})
    assert can_see_pushing(mine, VILLAGE) is (role in {"tutor", "editor", "chief_editor", "admin"})
    assert [other for other in ROLES if can_review(mine, other, VILLAGE)] == [role]
    assert not any(can(mine, COUNTY) for can in (can_write, can_publish, can_see_pushing))


def test_without_an_office_nothing_is_allowed() -> None:
    nobody = Actor(person_id=7)
    every = (can_administer, can_grant, can_tutor, can_see_person, can_write, can_publish)
    assert not any(can(nobody, VILLAGE) for can in (*every, can_see_pushing))
    assert not can_upload(nobody)
    assert not can_merge(nobody, VILLAGE, VILLAGE)


def test_a_tutor_corrects_residents_of_the_own_village_only() -> None:
    tutor = actor("tutor", 3)
    assert can_correct_village(tutor, VILLAGE, OTHER)
    assert can_correct_village(tutor, (), VILLAGE)
    assert not can_correct_village(tutor, OTHER, VILLAGE)
    assert not can_correct_village(tutor, (), OTHER)
    assert not can_correct_village(tutor, (), ())


def test_a_merge_needs_an_administrator_of_both() -> None:
    assert can_merge(actor("admin", 2), VILLAGE, OTHER)
    assert not can_merge(actor("admin", 3), VILLAGE, OTHER)
    assert not can_merge(actor("admin", 3), OTHER, VILLAGE)
    assert not can_merge(actor("tutor", 2), VILLAGE, OTHER)

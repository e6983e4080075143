"""One person behind two accounts: learning and credit are joined, and come apart again."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank import queries as bank
from app.credit_bank.conversion import convert
from app.flows.activities import confirm_attendance
from app.flows.auditing import audit
from app.flows.chat import credits_text
from app.flows.completion import beat
from app.flows.followers import learn_unionid, openid_of
from app.flows.lessons import open_lesson
from app.flows.meeting import meet, merge, unmerge
from app.flows.reversal import reverse
from app.learning import activities
from app.learning import queries as learning
from app.people.models import Identity, Merge, Person
from app.people.offices import actor_of
from app.people.queries import find_person_by_identity
from app.recognition import service as recognition
from tests.factories.bank import pay, take_back
from tests.factories.content import make_lesson
from tests.factories.learning import complete_lesson, read_for
from tests.factories.people import MINI, NOW, OA, make_identity, make_office, make_person, make_town

HOUR = timedelta(hours=1)
LATER = NOW + 12 * HOUR


async def follower_and_user(session: AsyncSession) -> tuple[Person, Person]:
    """A follower of the account, and, later, a user of the mini-program: the same human."""
    follower = await make_person(session, openid="o-one")
    user = await make_person(session, "张三", now=NOW + timedelta(minutes=1))
    await make_identity(session, user, "m-one", appid=MINI, unionid="u-1")
    return follower, user


async def join(session: AsyncSession) -> Merge:
    resolved = await meet(session, appid=OA, openid="o-one", unionid="u-1", now=LATER)
    assert resolved.merged is not None
    return resolved.merged


async def balances(session: AsyncSession, person: Person) -> dict[str, int]:
    found = await bank.list_balances(session, person_id=person.id)
    return {one.unit: one.balance for one in found if one.balance}


async def sound(session: AsyncSession) -> bool:
    assert (await audit(session)).findings == []
    return True


async def test_learning_and_credit_follow_when_the_unionid_arrives(session: AsyncSession) -> None:
    follower, user = await follower_and_user(session)
    first, second = await make_lesson(session), await make_lesson(session)
    await complete_lesson(session, follower.id, first.id, now=NOW)
    await complete_lesson(session, user.id, second.id, now=NOW + timedelta(days=-1))
    made = await join(session)
    assert (made.kept_id, made.merged_id) == (follower.id, user.id)
    assert await balances(session, follower) == {"credit": 4, "points": 8}
    assert await balances(session, user) == {}
    learned = await learning.learned_lesson_ids(session, person_id=follower.id)
    assert sorted(learned) == sorted([first.id, second.id])
    assert await sound(session)
    # Learned is learned: not again under the other name.
    again = await beat(session, person_id=follower.id, lesson_id=second.id, now=LATER)
    assert (again.completed, again.awards) == (True, [])


async def test_an_interrupted_study_goes_on(session: AsyncSession) -> None:
    follower, user = await follower_and_user(session)
    lesson = await make_lesson(session, questions=0)
    await read_for(session, user.id, lesson.id, seconds=45, since=NOW)
    await join(session)
    outcome, _ = await read_for(session, follower.id, lesson.id, seconds=15, since=LATER)
    assert outcome.completed
    assert await sound(session)


async def test_what_both_had_learned_is_paid_once(session: AsyncSession) -> None:
    follower, user = await follower_and_user(session)
    lesson = await make_lesson(session)
    for person in (follower, user):
        await complete_lesson(session, person.id, lesson.id, now=NOW)
    await join(session)
    assert await balances(session, follower) == {"credit": 2, "points": 4}
    assert await sound(session)


async def test_what_the_other_account_had_learned_is_not_paid_again(session: AsyncSession) -> None:
    """The kept account had begun the lesson that the other one had finished."""
    follower, user = await follower_and_user(session)
    lesson = await make_lesson(session, questions=0)
    await read_for(session, follower.id, lesson.id, seconds=30, since=NOW)
    await complete_lesson(session, user.id, lesson.id, now=NOW)
    await join(session)
    await read_for(session, follower.id, lesson.id, seconds=60, since=LATER)
    assert await balances(session, follower) == {"credit": 2, "points": 3}


async def test_a_day_is_paid_once_across_a_merge(session: AsyncSession) -> None:
    follower, user = await follower_and_user(session)
    first, second = await make_lesson(session, questions=0), await make_lesson(session, questions=0)
    await complete_lesson(session, user.id, first.id, now=NOW)
    await join(session)
    outcome, _ = await complete_lesson(session, follower.id, second.id, now=LATER)
    assert "day.learned" not in [one.rule.code for one in outcome.awards]


async def test_the_title_and_the_badges_survive(session: AsyncSession) -> None:
    follower, user = await follower_and_user(session)
    lesson = await make_lesson(session, seconds=1800)
    await complete_lesson(session, user.id, lesson.id, now=NOW)
    await join(session)
    assert "您的称号：习善" in await credits_text(session, person_id=follower.id, now=LATER)


async def test_honours_are_shown_and_not_granted_twice(session: AsyncSession) -> None:
    follower, user = await follower_and_user(session)
    first, second = await make_lesson(session), await make_lesson(session)
    await complete_lesson(session, user.id, first.id, now=NOW)
    await join(session)
    held = await recognition.list_honours(session, person_id=follower.id)
    assert {honour.code for honour in held} >= {"badge.first_lesson", "badge.first_full_marks"}
    outcome, _ = await complete_lesson(session, follower.id, second.id, now=LATER)
    assert outcome.honours == []


async def test_an_undone_merge_gives_back_exactly(session: AsyncSession) -> None:
    follower, user = await follower_and_user(session)
    shared, own = await make_lesson(session), await make_lesson(session)
    await complete_lesson(session, follower.id, shared.id, now=NOW)
    at = (await complete_lesson(session, user.id, shared.id, now=NOW))[1]
    await complete_lesson(session, user.id, own.id, now=at + HOUR)
    before = [await balances(session, person) for person in (follower, user)]
    made = await join(session)
    await unmerge(session, merge_id=made.id, by_id=follower.id, now=LATER)
    assert [await balances(session, person) for person in (follower, user)] == before
    learned = await learning.learned_lesson_ids(session, person_id=user.id)
    assert sorted(learned) == sorted([shared.id, own.id])
    assert await sound(session)
    found = await find_person_by_identity(session, appid=MINI, openid="m-one")
    assert found is not None
    assert found.id == user.id
    # The machine does not overrule the human who took them apart.
    again = await meet(session, appid=OA, openid="o-one", unionid="u-1", now=LATER)
    assert again.merged is None


async def test_merges_of_merges_come_apart_one_by_one(session: AsyncSession) -> None:
    persons = [await make_person(session) for _ in range(3)]
    lessons = [await make_lesson(session) for _ in range(3)]
    for person, lesson in zip(persons, lessons, strict=True):
        await complete_lesson(session, person.id, lesson.id, now=NOW)
    first, second, third = persons
    merges = []
    for kept, merged in ((second, third), (first, second)):
        made = await merge(
            session,
            kept_id=kept.id,
            merged_id=merged.id,
            reason="窗口核实",
            ordered_by_id=None,
            now=LATER,
        )
        merges.append(made.id)
    assert await balances(session, first) == {"credit": 6, "points": 12 - 2}
    for merge_id in reversed(merges):
        await unmerge(session, merge_id=merge_id, by_id=first.id, now=LATER)
    for person, lesson in zip(persons, lessons, strict=True):
        learned = await learning.learned_lesson_ids(session, person_id=person.id)
        assert learned == [lesson.id]
        assert await balances(session, person) == {"credit": 2, "points": 4}
    assert await sound(session)


async def test_who_signed_in_before_the_merge_is_credited_after_it(session: AsyncSession) -> None:
    town = await make_town(session)
    follower, user = await follower_and_user(session)
    tutor = await make_person(session)
    activity = await activities.announce(
        session,
        title="院坝会",
        platform="微讲堂",
        org_id=town.west.id,
        starts_at=NOW,
        ends_at=NOW + HOUR,
        made_by_id=tutor.id,
    )
    await activities.sign_in(session, code=activity.code, person_id=user.id, now=NOW)
    await join(session)
    booked = await confirm_attendance(
        session, activity_id=activity.id, person_ids=[user.id], by_id=tutor.id, now=LATER
    )
    assert list(booked) == [follower.id]
    assert await balances(session, follower) == {"credit": 100}
    assert await sound(session)


async def test_a_correction_after_the_merge_is_borne_by_the_kept_one(
    session: AsyncSession,
) -> None:
    town = await make_town(session)
    follower, user = await follower_and_user(session)
    lesson = await make_lesson(session)
    outcome, _ = await complete_lesson(session, user.id, lesson.id, now=NOW)
    award = outcome.awards[0].transfer
    assert award is not None
    await join(session)
    follower.org_id = user.org_id = town.west.id
    admin = await make_person(session)
    await make_office(session, admin, "admin", town.town)
    actor = await actor_of(session, person_id=admin.id, day=NOW.date())
    await reverse(session, actor=actor, transfer_id=award.id, reason="重复", now=LATER)
    assert await balances(session, follower) == {"points": 4}
    assert await balances(session, user) == {}
    assert await sound(session)


async def test_debts_move_too(session: AsyncSession) -> None:
    follower, user = await follower_and_user(session)
    await pay(session, follower, 50, now=NOW)
    award = await pay(session, user, 1600, now=NOW)
    await convert(
        session, person_id=user.id, code="credit.to.course_credit", lots=1, key="k", now=NOW
    )
    await take_back(session, award, now=NOW)
    assert await balances(session, user) == {"credit": -1600, "course_credit": 100}
    await join(session)
    assert await balances(session, follower) == {"credit": 50 - 1600, "course_credit": 100}
    assert await balances(session, user) == {}


async def test_a_followers_unionid_is_asked_for_once(session: AsyncSession) -> None:
    follower, user = await follower_and_user(session)
    (identity,) = (
        await session.scalars(select(Identity.id).where(Identity.openid == "o-one"))
    ).all()
    assert await openid_of(session, identity_id=identity, appid=OA) == "o-one"
    assert await openid_of(session, identity_id=identity, appid=MINI) is None
    assert await openid_of(session, identity_id=10**9, appid=OA) is None
    await learn_unionid(session, appid=OA, openid="o-one", unionid="u-1", now=LATER)
    assert await openid_of(session, identity_id=identity, appid=OA) is None
    merged = await session.get_one(Person, user.id, populate_existing=True)
    assert merged.merged_into_id == follower.id
    # Erased in the meantime: not met anew.
    await learn_unionid(session, appid=OA, openid="o-gone", unionid="u-9", now=LATER)
    assert await find_person_by_identity(session, appid=OA, openid="o-gone") is None


@pytest.mark.parametrize("completed", [True, False])
async def test_a_study_keeps_its_version_through_a_merge(
    session: AsyncSession, completed: bool
) -> None:
    follower, user = await follower_and_user(session)
    lesson = await make_lesson(session, "lesson-v", questions=0)
    old = lesson.current_id
    if completed:
        await complete_lesson(session, user.id, lesson.id, now=NOW)
    else:
        await read_for(session, user.id, lesson.id, seconds=15, since=NOW)
    await make_lesson(session, "lesson-v", title="新版", questions=0)
    await join(session)
    opened = await open_lesson(session, person_id=follower.id, lesson_id=lesson.id)
    assert opened.study is not None
    assert opened.study.version_id == old
    assert (opened.lesson.title == "新版") is completed

"""A vandal with the database's own password changes one thing; the audit names exactly that."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank.audit import CHECKS, ROWS_SHOWN, audit_books
from app.credit_bank.ledger import reverse
from app.credit_bank.models import Account, Transfer
from tests.credit_bank.books import MONDAY, add_rule, claim, pay, pay_one, somebody, tamper
from tests.credit_bank.every_kind import some_books


async def test_true_books_have_no_finding(session: AsyncSession) -> None:
    await some_books(session)
    report = await audit_books(session)
    assert report.findings == []
    rows = list(await session.scalars(select(Transfer)))
    assert {row.kind for row in rows} == {
        "award", "reversal", "merge", "unmerge", "reinstatement", "conversion",
    }  # fmt: skip
    assert (report.transfers, report.days) == (len(rows), 4)
    assert report.accounts == len(list(await session.scalars(select(Account))))


async def test_empty_books_are_true(session: AsyncSession) -> None:
    report = await audit_books(session)
    assert (report.accounts, report.transfers, report.days, report.findings) == (0, 0, 0, [])


BALANCE = "stored balance = sum of transfers"
RUNNING = "running balance"
UNIT = "accounts are of the transfer's unit"
MIRROR = "a reversal mirrors its original"
REINSTATED = "a reinstatement mirrors a reversal"
KIND = "each kind moves between its own accounts"
DAY_OF = "the day is the instant's"
RULE = "an award names a rule in force"
WORTH = "an award pays what its rule says"
CAPS = "no cap is exceeded"
CHAIN = "the chain of daily closes"

TAMPERINGS = [
    (
        "UPDATE account SET balance = balance + 1 WHERE id = {account}",
        {BALANCE: "account {account}:"},
    ),
    (
        "UPDATE account SET earned = earned + 1 WHERE id = {account}",
        {BALANCE: "account {account}:"},
    ),
    (
        (
            "INSERT INTO account (unit, person_id, balance, earned) VALUES ('course_credit',"
            " (SELECT min(id) - 1 FROM person), 1, 0)"
        ),
        {BALANCE: "balance 1 earned 0, transfers say 0 and 0"},
    ),
    (
        "UPDATE transfer SET credit_after = credit_after + 1 WHERE id = {points}",
        {RUNNING: "transfer {points}: account {account}"},
    ),
    (
        "UPDATE transfer SET debit_after = NULL WHERE id = {conversion}",
        {RUNNING: "transfer {conversion}:"},
    ),
    (
        "UPDATE transfer SET unit = 'credit' WHERE id = {merge}",
        {UNIT: "transfer {merge}", CHAIN: "2026-11-21"},
    ),
    (
        "UPDATE transfer SET unit = 'credit' WHERE id = {points}",
        {UNIT: "transfer {points}", RULE: "transfer {points}"},
    ),
    (
        "UPDATE transfer SET rule_code = 'day.learned' WHERE id = {reversal}",
        {MIRROR: "transfer {reversal}", CHAIN: "2026-11-20"},
    ),
    (
        "UPDATE transfer SET key = 'award:again#{points}' WHERE id = {reinstatement}",
        {REINSTATED: "transfer {reinstatement}", CHAIN: "2026-11-21"},
    ),
    (
        "UPDATE transfer SET evidence = 'transfer:{points}' WHERE id = {reinstatement}",
        {REINSTATED: "transfer {reinstatement}", CHAIN: "2026-11-21"},
    ),
    ("UPDATE transfer SET kind = 'gift' WHERE id = {points}", {KIND: "transfer {points}: gift"}),
    (
        "UPDATE transfer SET kind = 'merge' WHERE id = {conversion}",
        {KIND: "transfer {conversion}:"},
    ),
    (
        "UPDATE account SET program = 'games' WHERE program = 'conversion' AND unit = 'credit'",
        {KIND: "transfer {conversion}: conversion"},
    ),
    (
        "UPDATE transfer SET local_day = local_day + 1 WHERE id = {points}",
        {DAY_OF: "transfer {points}"},
    ),
    (
        "UPDATE transfer SET made_at = made_at + interval '14 hours' WHERE id = {points}",
        {DAY_OF: "transfer {points}"},
    ),
    (
        "UPDATE transfer SET rule_code = 'day.learned' WHERE id = {points}",
        {RULE: "transfer {points}"},
    ),
    (
        "UPDATE credit_rule SET valid_from = '2026-11-24' WHERE id = {rule}",
        {RULE: "transfer {points}"},
    ),
    (
        "UPDATE transfer SET facts = facts || '{{\"seconds\": 3600}}' WHERE id = {time}",
        {WORTH: "transfer {time}: 200 for a worth of 100"},
    ),
    (
        "UPDATE transfer SET facts = facts - 'bound_by' WHERE id = {time}",
        {WORTH: "transfer {time}:"},
    ),
    (
        "UPDATE credit_rule SET daily_cap = 1 WHERE id = {rule}",
        {CAPS: "account {account}: lesson.points paid 2 in the day of 2026-11-23"},
    ),
    (
        "UPDATE credit_rule SET weekly_cap = 1 WHERE id = {rule}",
        {CAPS: "account {account}: lesson.points paid 2 in the week of 2026-11-23"},
    ),
    (
        "UPDATE credit_rule SET yearly_cap = 3 WHERE id = {rule}",
        {CAPS: "account {account}: lesson.points paid 4 in the year of 2026-01-01"},
    ),
    (
        "UPDATE day_close SET previous_digest = repeat('1', 64) WHERE local_day = '2026-11-21'",
        {CHAIN: "day 2026-11-21: is not chained"},
    ),
    (
        "UPDATE day_close SET digest = repeat('1', 64) WHERE local_day = '2026-11-22'",
        {CHAIN: "day 2026-11-22: its transfers were changed"},
    ),
    (
        "UPDATE day_close SET transfers = 9 WHERE local_day = '2026-11-20'",
        {CHAIN: "day 2026-11-20: its transfers were changed"},
    ),
    (
        "UPDATE day_close SET totals = '{{}}' WHERE local_day = '2026-11-21'",
        {CHAIN: "day 2026-11-21: its transfers were changed"},
    ),
    (
        "UPDATE transfer SET subject = 'x' WHERE local_day = '2026-11-20' AND reverses_id IS NULL",
        {CHAIN: "day 2026-11-20: its transfers were changed"},
    ),
]


@pytest.mark.parametrize(("statement", "found"), TAMPERINGS)
async def test_the_audit_names_what_was_changed(
    session: AsyncSession, statement: str, found: dict[str, str]
) -> None:
    books = vars(await some_books(session))
    await tamper(session, statement.format(**books))
    findings = (await audit_books(session)).findings
    assert {finding.check for finding in findings} == found.keys(), findings
    for check, row in found.items():
        rows = [finding.row for finding in findings if finding.check == check]
        if check in {CAPS, RULE}:
            # A changed rule makes others wrong, too.
            assert any(row.format(**books) in one for one in rows), findings
        else:
            assert len(rows) == 1, findings
            assert row.format(**books) in rows[0]


def test_every_check_is_tampered_with() -> None:
    assert {check for _, found in TAMPERINGS for check in found} == {*CHECKS, CHAIN}


async def test_a_forged_award_is_found_even_if_the_balance_agrees(session: AsyncSession) -> None:
    books = await some_books(session)
    await tamper(
        session,
        "INSERT INTO transfer (key, unit, debit_id, credit_id, amount, kind, rule_id, rule_code,"
        " subject, evidence, facts, credit_after, local_day, made_at)"
        " SELECT 'forged', unit, debit_id, credit_id, 50, kind, rule_id, rule_code, subject,"
        " evidence, facts, (SELECT balance + 50 FROM account WHERE id = credit_id), local_day,"
        " made_at FROM transfer WHERE id = :points",
        points=books.points,
    )
    await tamper(
        session,
        "UPDATE account SET balance = balance + 50, earned = earned + 50 WHERE id = :account",
        account=books.account,
    )
    checks = {finding.check for finding in (await audit_books(session)).findings}
    assert checks == {WORTH, CAPS}


async def test_a_reversal_of_another_amount_is_found(session: AsyncSession) -> None:
    one = await somebody(session)
    first = await pay_one(session, one, claim(1))
    made = await reverse(
        session, transfer_id=first.id, reason="有误", ordered_by_id=None, now=MONDAY
    )
    await tamper(
        session, "UPDATE transfer SET amount = 1, debit_after = 1 WHERE id = :id", id=made.id
    )
    await tamper(
        session, "UPDATE account SET balance = 1, earned = 1 WHERE id = :id", id=made.debit_id
    )
    findings = (await audit_books(session)).findings
    assert [(one.check, one.row) for one in findings] == [
        (MIRROR, f"transfer {made.id} reverses {first.id}")
    ]


async def test_a_reversal_of_a_reversal_is_found(session: AsyncSession) -> None:
    books = await some_books(session)
    await tamper(
        session,
        "INSERT INTO transfer (key, unit, debit_id, credit_id, amount, kind, rule_id, rule_code,"
        " subject, evidence, facts, reverses_id, reason, credit_after, local_day, made_at)"
        " SELECT 'forged', unit, credit_id, debit_id, amount, kind, rule_id, rule_code, subject,"
        " evidence, facts, id, reason, 0, local_day, made_at FROM transfer WHERE id = :id",
        id=books.reversal,
    )
    rows = [one.row for one in (await audit_books(session)).findings if one.check == MIRROR]
    assert len(rows) == 1
    assert rows[0].endswith(f"reverses {books.reversal}")


@pytest.mark.parametrize(
    ("day", "says"),
    [
        (date(2026, 11, 19), ["day 2026-11-20: is not chained", "day 2026-11-19: lies before"]),
        (date(2026, 11, 21), ["day 2026-11-22: a day before it is missing", "is not chained"]),
    ],
)
async def test_a_missing_close_is_found(session: AsyncSession, day: date, says: list[str]) -> None:
    await some_books(session)
    await tamper(session, "DELETE FROM day_close WHERE local_day = :day", day=day)
    rows = [finding.row for finding in (await audit_books(session)).findings]
    assert len(rows) == len(says), rows
    assert all(said in row for said, row in zip(says, rows, strict=True)), rows


async def test_a_removed_transfer_is_found(session: AsyncSession) -> None:
    books = await some_books(session)
    await tamper(session, "DELETE FROM transfer WHERE id = :id", id=books.time)
    assert {finding.check for finding in (await audit_books(session)).findings} == {
        BALANCE, RUNNING,
    }  # fmt: skip


async def test_of_many_wrong_rows_the_first_are_shown(session: AsyncSession) -> None:
    one = await somebody(session)
    for number in range(ROWS_SHOWN + 3):
        await pay(session, one, claim(number), now=MONDAY + number * timedelta(hours=24))
    await tamper(session, "UPDATE transfer SET made_at = made_at + interval '1 day'")
    assert len((await audit_books(session)).findings) == ROWS_SHOWN


async def test_a_cap_that_was_raised_and_lowered_is_no_finding(session: AsyncSession) -> None:
    one, today = await somebody(session), MONDAY.date()
    await add_rule(session, "test.cap", valid_from=today, daily_cap=2)
    for version, cap in ((2, 8), (3, 4)):
        await pay(session, one, *[claim(10 * version + n, "test.cap") for n in range(4)])
        await add_rule(session, "test.cap", version=version, valid_from=today, daily_cap=cap)
    await pay(session, one, claim(99, "test.cap"))
    assert (await audit_books(session)).findings == []

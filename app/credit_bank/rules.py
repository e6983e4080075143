"""What something is worth: pure functions over rule versions, in integers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

HOUR = 3600
Once = Literal["each", "object", "day", "ever"]


@dataclass(frozen=True)
class Rule:
    """One dated version of a rule; amounts and caps in the unit's smallest part."""

    id: int
    code: str
    version: int
    unit: str
    name: str
    explanation: str
    formula: dict[str, Any]
    once: Once
    daily_cap: int | None
    weekly_cap: int | None
    yearly_cap: int | None
    valid_from: date


@dataclass(frozen=True)
class Claim:
    """That a person did something which a rule may reward.

    `subject` is the object (`lesson:12`), `evidence` what proves it (`study:345`); `seconds` is the
    verified time it took, for rules that pay by time.
    """

    rule_code: str
    subject: str
    evidence: str
    title: str
    seconds: int = 0


@dataclass(frozen=True)
class Spent:
    """What a rule has paid an account in the day, week and year of the claim, net of reversals."""

    day: int = 0
    week: int = 0
    year: int = 0


class Grant(NamedTuple):
    """What a claim is worth, what the caps leave of it (`amount`), and which cap bound."""

    worth: int
    amount: int
    bound_by: Literal["day", "week", "year"] | None
    cap: int | None


def worth(rule: Rule, claim: Claim) -> int:
    """The formula's value before any cap; time is rounded half up to the smallest unit."""
    formula = rule.formula
    match formula["kind"]:
        case "fixed":
            return int(formula["amount"])
        case "per_hour":
            # Half up, in integers: (2 x s x a + HOUR) // (2 x HOUR).
            paid = (2 * claim.seconds * int(formula["amount"]) + HOUR) // (2 * HOUR)
            return max(paid, int(formula.get("minimum", 0)))
        case other:
            raise AssertionError(f"unknown formula {other!r} in rule {rule.code}")


def evaluate(rule: Rule, claim: Claim, spent: Spent) -> Grant:
    """What this claim pays now: its worth, cut to the least room under the rule's caps."""
    value = worth(rule, claim)
    best = Grant(worth=value, amount=value, bound_by=None, cap=None)
    limits: tuple[tuple[Literal["day", "week", "year"], int | None, int], ...] = (
        ("day", rule.daily_cap, spent.day),
        ("week", rule.weekly_cap, spent.week),
        ("year", rule.yearly_cap, spent.year),
    )
    for period, cap, paid in limits:
        if cap is not None and (room := max(cap - paid, 0)) < best.amount:
            best = Grant(worth=value, amount=room, bound_by=period, cap=cap)
    return best


def award_key(rule: Rule, claim: Claim, *, person_id: int, day: date) -> str:
    """The award's natural key: this is what makes a rule pay once per object, day or ever."""
    before, after = key_around(rule, claim, day=day)
    return f"{before}{person_id}{after}"


def key_around(rule: Rule, claim: Claim, *, day: date) -> tuple[str, str]:
    """What stands before and after the person's id in the award's key."""
    match rule.once:
        case "each":
            scope = claim.evidence
        case "object":
            scope = claim.subject
        case "day":
            scope = day.isoformat()
        case "ever":
            scope = "ever"
    return f"award:{rule.code}:person:", f":{scope}"


def scope_of(key: str) -> str:
    """An award's key without its person (and without what a reinstatement adds after a #)."""
    rule, _, rest = key.partition("#")[0].partition(":person:")
    return f"{rule}:{rest.partition(':')[2]}"


def rule_for(versions: Sequence[Rule], code: str, day: date) -> Rule | None:
    """The version of `code` in force on `day`: the latest valid_from, then the highest version."""
    valid = [rule for rule in versions if rule.code == code and rule.valid_from <= day]
    return max(valid, key=lambda rule: (rule.valid_from, rule.version), default=None)


def amount_text(amount: int, *, decimals: int, name: str) -> str:
    """`125, decimals=2, 学分` as 1.25 学分."""
    sign, digits = ("-" if amount < 0 else ""), str(abs(amount)).rjust(decimals + 1, "0")
    number = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
    return f"{sign}{number} {name}"

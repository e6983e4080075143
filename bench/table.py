"""What a measurement found: the one table of all of them, and the same as objects for programs."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

TEN, HUNDRED = 10, 100
WHY_MOST = 300
Rounds = Sequence[float | None]
"""One figure a round, in the order measured; None: this round had errors, so it has no figure."""


@dataclass(frozen=True)
class Figure:
    """One line: what was measured in each round, and what was asked of it.

    `unit` is "× bare", "ms", "s", "MB", "/s" …; one that begins with "×" makes it a ratio of `ours`
    and `other`, both in `each`. `limit` None says that nothing was asked; `sense` says on which
    side of it the median must lie. `by_other`: a peer's or the machine's figure, shown beside ours.
    `why_not` tells why there is no figure, `failed` that there should have been one.
    """

    work: str
    rounds: Rounds
    unit: str
    sense: Literal["≥", "≤"] = "≥"
    limit: float | None = None
    ours: Rounds = ()
    other: Rounds = ()
    each: str = ""
    by_other: bool = False
    why_not: str = ""
    failed: bool = False

    @property
    def found(self) -> list[float]:
        return [one for one in self.rounds if one is not None]

    @property
    def median(self) -> float | None:
        return median(self.rounds)

    @property
    def met(self) -> bool | None:
        """None where nothing was asked; what was asked and has no figure is not met."""
        if self.failed:
            return False
        if self.limit is None:
            return None
        if self.median is None:
            return False
        return self.median >= self.limit if self.sense == "≥" else self.median <= self.limit

    @property
    def target(self) -> str:
        return "" if self.limit is None else f"{self.sense} {number(self.limit)} {self.unit}"

    def row(self) -> tuple[str, str, str, str, str]:
        """Work, target, median, spread, verdict."""
        verdict = {True: "met", False: "NOT MET", None: ""}[self.met]
        told, spread = "—", "—"
        if self.median is not None:
            told = f"{number(self.median)} {self.unit}"
            spread = f"{number(min(self.found))}–{number(max(self.found))}"
        asides = [self.why_not] if self.why_not else []
        if len(self.found) < len(self.rounds):
            asides.append(f"{len(self.found)} of {len(self.rounds)} rounds had no error")
        verdict = " ".join(filter(None, (verdict, f"({'; '.join(asides)})" if asides else "")))
        return self.work, self.target or "—", told, spread, verdict

    def told(self) -> dict[str, Any]:
        """The contract's object (docs/performance.md), without what holds for the whole run."""
        is_ratio = self.unit.startswith("×")
        return {
            "work": self.work,
            "ours": median(self.ours) if is_ratio else None if self.by_other else self.median,
            "other": median(self.other) if is_ratio else self.median if self.by_other else None,
            "ratio": self.median if is_ratio else None,
            "target": self.limit,
            "met": self.met,
            "spread": [min(self.found), max(self.found)] if self.found else None,
            "rounds": list(self.rounds),
            "unit": self.unit,
            "each": self.each if is_ratio else self.unit,
            "sense": None if self.limit is None else self.sense,
            "why_not": self.why_not or None,
        }


def broken(name: str, error: BaseException) -> Figure:
    """The line of a bench that gave none, because it raised."""
    why = " ".join(f"{type(error).__name__}: {error}".split()).replace("|", "/")
    return Figure(f"{name}: broke off", (), "", why_not=why[:WHY_MOST], failed=True)


def per(ours: Rounds, other: Rounds) -> list[float | None]:
    """Ours as a multiple of the other's, round by round; None where one of them has no figure."""
    pairs = zip(ours, other, strict=True)
    return [None if one is None or two is None else one / two for one, two in pairs]


def median(rounds: Rounds) -> float | None:
    found = [one for one in rounds if one is not None]
    return statistics.median(found) if found else None


def number(value: float) -> str:
    """Three digits or so, as a person would write them."""
    digits = 0 if abs(value) >= HUNDRED else 1 if abs(value) >= TEN else 2
    return f"{value:,.{digits}f}"


def markdown(figures: Sequence[Figure]) -> str:
    """The table as the documents hold it."""
    heads = ("work", "target", "median", "least–most", "verdict")
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(figure.row()) + " |" for figure in figures]
    return "\n".join(lines)


def objects(figures: Sequence[Figure], **run: Any) -> list[dict[str, Any]]:
    """Each line as an object, with what holds for the `run`; "… requests" tells whose they are."""
    told, head = [], ""
    for figure in figures:
        is_part = figure.work.startswith("…")
        head = head if is_part else figure.work
        work = f"{head} {figure.work}" if is_part else figure.work
        told.append(figure.told() | {"work": work} | run)
    return told

"""What a measurement found, and the one table of all of them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

TEN, HUNDRED = 10, 100


@dataclass(frozen=True)
class Figure:
    """One line: what was measured in each round, and what was asked of it.

    `unit` is "× bare", "ms", "s", "MB", "/s" …; `limit` None says that nothing was asked (a peer's
    figure, shown beside ours). `sense` says on which side of the limit the median must lie.
    """

    work: str
    rounds: Sequence[float]
    unit: str
    sense: Literal["≥", "≤"] = "≥"
    limit: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def met(self) -> bool | None:
        if self.limit is None:
            return None
        return self.median >= self.limit if self.sense == "≥" else self.median <= self.limit

    def row(self) -> tuple[str, str, str, str, str]:
        """Work, target, median, spread, verdict."""
        target = "—" if self.limit is None else f"{self.sense} {number(self.limit)} {self.unit}"
        spread = f"{number(min(self.rounds))}–{number(max(self.rounds))}"
        verdict = {True: "met", False: "NOT MET", None: ""}[self.met]
        return self.work, target, f"{number(self.median)} {self.unit}", spread, verdict


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

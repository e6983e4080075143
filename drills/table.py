"""What a drill found: the one table of all of them, and the same as objects for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

WHY_MOST = 300
Count = Literal["tried", "acknowledged", "lost", "doubled", "seconds_refused"]
"""What every drill is asked, as far as it has such a count (docs/reliability.md)."""


@dataclass(frozen=True)
class Finding:
    """One count, beside what it must be: an exact number, or at most so many (`most`).

    `part_of` says to which of the drill's sums it belongs.
    """

    drill: str
    what: str
    found: float
    expected: float | None = None
    most: float | None = None
    unit: str = ""
    part_of: Count | None = None

    @property
    def is_asked(self) -> bool:
        return self.expected is not None or self.most is not None

    @property
    def holds(self) -> bool:
        if self.expected is not None:
            return self.found == self.expected
        return self.most is None or self.found <= self.most

    def row(self) -> tuple[str, str, str, str, str]:
        """Drill, what, expected, found, verdict."""
        asked = "—"
        if self.expected is not None:
            asked = f"{self.expected:,g}{self.unit}"
        elif self.most is not None:
            asked = f"≤ {self.most:,g}{self.unit}"
        verdict = ("holds" if self.holds else "BROKEN") if self.is_asked else ""
        return self.drill, self.what, asked, f"{self.found:,g}{self.unit}", verdict


def broken_off(drill: str, error: BaseException) -> Finding:
    """A drill that came to no end has found that, and nothing else."""
    why = " ".join(f"{type(error).__name__}: {error}".split()).replace("|", "/")
    return Finding(drill, f"broke off: {why[:WHY_MOST]}", 1, expected=0)


def left_out(drill: str, why: str) -> Finding:
    """A drill that cannot be done here; nothing is said of it but that."""
    return Finding(drill, f"left out: {why}", 1)


def markdown(findings: Sequence[Finding]) -> str:
    """The table as the documents hold it."""
    heads = ("drill", "what", "expected", "found", "verdict")
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(finding.row()) + " |" for finding in findings]
    return "\n".join(lines)


def objects(findings: Sequence[Finding], **run: Any) -> list[dict[str, Any]]:
    """The contract's object for each drill, with what holds for the `run` and all of its counts."""
    by_drill: dict[str, list[Finding]] = {}
    for finding in findings:
        by_drill.setdefault(finding.drill, []).append(finding)
    return [{"drill": name} | _sums(found) | run for name, found in by_drill.items()]


def _sums(found: Sequence[Finding]) -> dict[str, Any]:
    def parts(count: Count) -> list[float]:
        return [one.found for one in found if one.part_of == count]

    def whole(count: Count) -> float | None:
        return sum(parts(count)) if parts(count) else None

    asked = [one.holds for one in found if one.is_asked]
    return {
        "tried": whole("tried"),
        "acknowledged": whole("acknowledged"),
        "lost": whole("lost"),
        "doubled": whole("doubled"),
        "seconds_refused": max(parts("seconds_refused"), default=None),
        "met": all(asked) if asked else None,
        "counts": [
            {
                "what": one.what,
                "expected": one.expected,
                "most": one.most,
                "found": one.found,
                "unit": one.unit,
                "met": one.holds if one.is_asked else None,
            }
            for one in found
        ],
    }

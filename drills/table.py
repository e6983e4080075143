"""What a drill found, and the one table of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One count, beside what it must be: an exact number, or at most so many (`most`)."""

    drill: str
    what: str
    found: float
    expected: float | None = None
    most: float | None = None
    unit: str = ""

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
        verdict = "" if asked == "—" else ("holds" if self.holds else "BROKEN")
        return self.drill, self.what, asked, f"{self.found:,g}{self.unit}", verdict


def markdown(findings: Sequence[Finding]) -> str:
    """The table as the documents hold it."""
    heads = ("drill", "what", "expected", "found", "verdict")
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(finding.row()) + " |" for finding in findings]
    return "\n".join(lines)

"""What was seen of a service in one kind of trouble, and what of it must hold."""

import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from drills.table import Finding

SERVER_ERROR = 500
ANSWER_SECONDS_MOST = 10
METRICS_SECONDS_MOST = 4
"""Two seconds are waited for the database; the rest is a busy machine's."""
RSS_GROWTH_MOST = 50


@dataclass
class Trouble:
    """What was seen in one kind of trouble."""

    name: str
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """(what was asked, status)"""
    codes: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    longest_of: str = ""
    metrics_longest: float = 0.0
    foreign: int = 0
    unanswered: int = 0
    pids: set[int] = field(default_factory=set)
    rss_before: float = 0.0
    rss_most: float = 0.0
    died: int = 0
    refused_from: float | None = None
    refused_until: float = 0.0
    """When the first and the last request of a resident was refused."""
    recovered: float = 0.0
    mended_at: float = 0.0

    def mended(self) -> None:
        """From now on nothing stands in its way."""
        self.mended_at = time.monotonic()

    def note(self, what: str, answer: httpx.Response, seconds: float) -> None:
        self.answers[what, answer.status_code] += 1
        if what == "metrics":
            self.metrics_longest = max(self.metrics_longest, seconds)
        if seconds > self.longest:
            self.longest, self.longest_of = seconds, what
        if answer.status_code >= SERVER_ERROR:
            code = code_of(answer)
            self.codes[code] += 1
            self.foreign += code in {"", "InternalError"}
            if what != "readyz":  # which is right to refuse
                self.refused_until = time.monotonic()
                self.refused_from = self.refused_from or self.refused_until - seconds

    def refused(self, what: str) -> int:
        return sum(
            times
            for (asked, status), times in self.answers.items()
            if asked == what and status >= SERVER_ERROR
        )

    def findings(self, *, recovered_most: float) -> list[Finding]:
        told = ", ".join(f"{code} {times}" for code, times in self.codes.most_common())
        longest = f"longest answer ({self.longest_of})"
        growth = round(self.rss_most - self.rss_before)
        refused = 0 if self.refused_from is None else self.refused_until - self.refused_from
        return [
            Finding(
                self.name, f"requests; refused: {told}", self.answers.total(), part_of="tried"
            ),
            Finding(
                self.name, "from the first refusal to the last", round(refused, 1), unit=" s",
                part_of="seconds_refused",
            ),
            Finding(
                self.name, longest, round(self.longest, 1), most=ANSWER_SECONDS_MOST, unit=" s"
            ),
            Finding(self.name, "requests without an answer", self.unanswered, expected=0),
            Finding(self.name, "5xx that are not our own refusal", self.foreign, expected=0),
            Finding(self.name, "/healthz that failed", self.refused("healthz"), expected=0),
            Finding(self.name, "/metrics that failed", self.refused("metrics"), expected=0),
            Finding(
                self.name, "longest answer of /metrics", round(self.metrics_longest, 1),
                most=METRICS_SECONDS_MOST, unit=" s",
            ),
            Finding(
                self.name, "growth of web and worker", growth, most=RSS_GROWTH_MOST, unit=" MB"
            ),
            Finding(self.name, "web or worker processes that died", self.died, expected=0),
            Finding(
                self.name,
                "recovered after",
                round(self.recovered, 1),
                most=recovered_most,
                unit=" s",
            ),
        ]  # fmt: skip


def code_of(answer: httpx.Response) -> str:
    """The refusal's stable name; empty if it is none of ours."""
    if answer.headers.get("content-type") != "application/problem+json":
        return ""
    return str(answer.json().get("code", ""))

"""What thousands of phones send while they learn: beats, and what completes a lesson.

64 connections of signed-in residents against one web process, on a database that syncs; beside it,
in turn in each round, bare FastAPI on the same server settings. After each round the database is
asked whether everything that was answered is there, and at the end the audit is.
"""

import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench import residents
from bench.residents import ENDLESS, PEOPLE, SHORT, teach
from bench.servers import Server, bare, web
from bench.table import Figure, Rounds, per
from bench.wrk import Load, rates, without_errors, wrk

ROUNDS, SECONDS = 5, 5
CROWD = 500
"""Connections that all come at once: the last of them has to be let in, too."""
BEAT_LEAST, BEAT_MS_MOST, COMPLETION_LEAST = 0.45, 60, 0.20
BEATS, COMPLETIONS = (Path(__file__).parent / name for name in ("beats.lua", "completions.lua"))
PAID = """
SELECT (SELECT count(*) FROM study WHERE lesson_id = %(lesson)s AND completed_at IS NOT NULL),
    count(*), count(DISTINCT evidence)
FROM transfer WHERE subject = 'lesson:' || %(lesson)s AND rule_code = 'lesson.credit'
"""
COUNTED = "SELECT count(*) FROM attention WHERE lesson_id = %(lesson)s AND beat_at > %(since)s"


class Lost(Exception):
    """Something was answered and is not there."""


def beats(ours: Server, lesson: int, seconds: int) -> Load:
    """Beats of one resident after the other; each whole turn of them has counted time."""
    (since,) = ours.ask("SELECT clock_timestamp()")[0]
    load = wrk(ours.url, script=BEATS, args=[str(lesson), str(PEOPLE)], seconds=seconds)
    ((counted,),) = ours.ask(COUNTED, lesson=lesson, since=since)
    if counted < min(load.answered, PEOPLE):
        raise Lost(f"{load.answered} answered, {counted} residents' beats counted")
    return load


def completions(ours: Server, key: str, seconds: int) -> tuple[Load, float]:
    """Last beats and answers; the load, and completed lessons a second."""
    lesson, questions = teach(ours, key, seconds=SHORT)
    body = json.dumps({"answers": {str(question): [1] for question in questions}})
    args = [str(lesson), str(PEOPLE), body]
    begun = time.perf_counter()
    load = wrk(ours.url, script=COMPLETIONS, args=args, seconds=seconds)
    took = time.perf_counter() - begun
    time.sleep(1)  # What was under way when wrk hung up is done all the same.
    ((completed, paid, proofs),) = ours.ask(PAID, lesson=lesson)
    if not completed == paid == proofs or completed == 0:
        raise Lost(f"{completed} completed, {paid} paid by {proofs} studies")
    return load, completed / took


def run(*, short: bool) -> list[Figure]:
    """Beats and completions as multiples of bare."""
    rounds, seconds = (1, 2) if short else (ROUNDS, SECONDS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(web(folder))
        limit = stack.enter_context(bare())
        residents.settle(ours)
        endless, _ = teach(ours, "endless", seconds=ENDLESS)
        completions(ours, "first", 2)
        beaten, crowded, done, free = [], [], [], []
        for number in range(rounds):
            beaten.append(beats(ours, endless, seconds))
            crowded.append(wrk(f"{ours.url}/healthz", seconds=seconds, connections=CROWD))
            free.append(without_errors(limit.url, seconds=seconds))
            done.append(completions(ours, f"round-{number}", seconds))
        audited = ours.shoushan("bank", "audit")
    print(audited)
    return figures(beaten, crowded, done, rates(free))


def figures(
    beaten: list[Load], crowded: list[Load], done: list[tuple[Load, float]], free: Rounds
) -> list[Figure]:
    def of_bare(work: str, reached: Rounds, limit: float | None = None) -> Figure:
        return Figure(
            work, per(reached, free), "× bare", "≥", limit, ours=reached, other=free, each="/s"
        )

    beats_each = [load.rps for load in beaten]
    completed = [rate for _, rate in done]
    return [
        of_bare("beat: signed in, counted, durable", beats_each, BEAT_LEAST),
        Figure("… requests", beats_each, "/s"),
        Figure("… 99 of 100 within", [load.p99_ms for load in beaten], "ms", "≤", BEAT_MS_MOST),
        of_bare("completion: last beat, answers, award, title; lessons completed", completed,
                COMPLETION_LEAST),
        of_bare("… its requests", [load.rps for load, _ in done]),
        Figure("… lessons completed", completed, "/s"),
        Figure("… 99 of 100 requests within", [load.p99_ms for load, _ in done], "ms"),
        Figure(
            f"{CROWD} who come at once (/healthz), 99 of 100 answers within",
            [load.p99_ms for load in crowded],
            "ms",
        ),
        Figure("bare", free, "/s", by_other=True),
    ]  # fmt: skip

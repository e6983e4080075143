"""What the platform does after its answer: it ends by itself, or at once when a test says so."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from app.core import clock
from app.core.logging import get_logger
from app.sandbox.press import Job
from app.sandbox.world import World

log = get_logger()


def begin(
    world: World, seconds: float, finish: Callable[[], Awaitable[None]], *, patient: bool = False
) -> None:
    """Do it `seconds` of the service's clock from now; a patient job `settle` does not hurry."""
    jobs = world.press.jobs
    job = Job(finish, clock.utcnow() + timedelta(seconds=seconds), patient)
    task = asyncio.get_running_loop().create_task(_wait(job, clock.real_seconds(seconds)))
    jobs[task] = job
    task.add_done_callback(lambda done: jobs.pop(done, None))


async def settle(world: World) -> int:
    """End what is under way, and what is patient but due; how many ended."""
    now, tasks = clock.utcnow(), []
    for task, job in world.press.jobs.items():
        if not job.patient or job.ends_at <= now:
            job.hurry.set()
            tasks.append(task)
    await asyncio.gather(*tasks)
    return len(tasks)


async def _wait(job: Job, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await job.hurry.wait()
    try:
        await job.finish()
    except Exception:
        # Nobody awaits a job: without this line its failure would be silent.
        log.exception("sandbox.job_failed")
        raise

"""What happens when, in the town's civil time."""

from datetime import time, timedelta

from app.core.jobs import Job
from app.core.schedule import Schedule

SCHEDULES = (
    # Five minutes after midnight nothing of yesterday is under way: a statement lives 10 s.
    Schedule("bank.close", Job.CLOSE_DAYS, at=time(0, 5)),
    Schedule("ranking.freeze", Job.FREEZE_RANKINGS, at=time(0, 30)),
    Schedule("house.purge", Job.PURGE, at=time(3, 30)),
    Schedule(
        "push.draft_tomorrow", Job.DRAFT_TOMORROW, at=time(18, 30), catch_up=timedelta(hours=4)
    ),
    # Who asked to be reminded of today's lesson, and of an activity of tomorrow.
    Schedule("push.remind", Job.REMIND_LEARNERS, at=time(19, 0), catch_up=timedelta(hours=2)),
    Schedule("push.tend_issues", Job.TEND_ISSUES, every=timedelta(minutes=1)),
    Schedule("push.tend_pushes", Job.TEND_PUSHES, every=timedelta(minutes=1)),
    Schedule("house.retry_stalled", Job.RETRY_STALLED, every=timedelta(minutes=1)),
)

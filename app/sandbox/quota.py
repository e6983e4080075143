"""Call quotas. A minute is the machine's; a day is the civil day of the service's clock."""

from app.core import clock
from app.sandbox.errors import CallRefused
from app.sandbox.world import World


def spend(
    world: World,
    appid: str,
    path: str,
    *,
    per_minute: int | None = None,
    per_day: int | None = None,
) -> None:
    """Count one call; 45011 above the minute's limit, 45009 above the day's."""
    minute = int(clock.real_now().timestamp() // 60)
    day = clock.local_day(clock.utcnow()).toordinal()
    spans = (("minute", minute, per_minute, 45011), ("day", day, per_day, 45009))
    for span, bucket, limit, errcode in spans:
        if limit is None:
            continue
        used = used_of(world, appid, path, span, bucket)
        if used >= limit:
            raise CallRefused(errcode)
        world.used_quota[appid, path, span] = (bucket, used + 1)


def used_of(world: World, appid: str, path: str, span: str, bucket: int) -> int:
    last, used = world.used_quota.get((appid, path, span), (bucket, 0))
    return used if last == bucket else 0

"""Calls about the platform itself: its addresses, and what is left of a quota (§1.1, §2)."""

from collections.abc import Mapping

from app.core import clock
from app.sandbox.calls import OK, Call, Endpoint
from app.sandbox.errors import CallRefused
from app.sandbox.quota import used_of


async def get_callback_ips(call: Call) -> Mapping[str, object]:
    """One answer for every account: the stand-in calls from this machine only."""
    del call
    return {"ip_list": ["127.0.0.1"]}


def quota_getter(endpoints: Mapping[str, Endpoint]) -> Endpoint:
    """`/cgi-bin/openapi/quota/get`, which has to know the limits of all the others."""

    async def get_quota(call: Call) -> Mapping[str, object]:
        path = str(call.body.get("cgi_path", ""))
        if path not in endpoints:
            raise CallRefused(76021)
        limit = endpoints[path].per_day or 0
        day = clock.local_day(clock.utcnow()).toordinal()
        used = used_of(call.world, call.caller.appid, path, "day", day)
        quota = {"daily_limit": limit, "used": used, "remain": max(0, limit - used)}
        return {**OK, "quota": quota}

    return Endpoint(get_quota, "POST")

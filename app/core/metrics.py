"""Every counter and histogram, declared once. Labels never carry a person."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REQUESTS = Histogram(
    "shoushan_http_seconds",
    "HTTP requests by route",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
CALLBACKS = Counter("shoushan_wechat_callbacks_total", "Messages from WeChat", ["kind", "outcome"])
CALLBACK_FAILURES = Counter(
    "shoushan_wechat_callback_failures_total",
    "Genuine messages our code failed on: alert when this grows; replay with `shoushan inbox`",
)
WECHAT_CALLS = Histogram(
    "shoushan_wechat_call_seconds", "Calls to WeChat's API", ["path", "errcode"]
)
PLATFORM_CALLS = Histogram(
    "shoushan_platform_call_seconds", "Calls to WeCom and QQ", ["platform", "path", "errcode"]
)
TOKEN_REFRESHES = Counter(
    "shoushan_wechat_token_refreshes_total", "Access tokens fetched", ["appid"]
)
BEATS = Counter("shoushan_learning_beats_total", "Beats by outcome", ["counted"])
COMPLETIONS = Counter("shoushan_learning_completions_total", "Lessons completed")
TRANSFERS = Counter("shoushan_bank_transfers_total", "Transfers booked", ["unit", "rule"])
DELIVERIES = Counter("shoushan_push_deliveries_total", "Messages to groups", ["channel", "outcome"])
LETTERS = Counter("shoushan_push_letters_total", "Letters to persons", ["kind", "outcome"])
PUBLICATIONS = Counter(
    "shoushan_push_publications_total", "Issues by what became of them", ["method", "outcome"]
)
JOBS = Counter("shoushan_jobs_total", "Jobs run", ["job", "outcome"])

IN_DATABASE = CollectorRegistry()
"""What is not this process's own: told when the database answers, and else left out."""
TASKS_OPEN = Gauge(
    "shoushan_push_tasks_open",
    "What people have to do by hand",
    ["kind"],
    registry=IN_DATABASE,
)
DELIVERIES_DOUBTFUL = Gauge(
    "shoushan_push_deliveries_doubtful",
    "This week's messages to groups that wait for a person, are in doubt, or failed",
    ["state"],
    registry=IN_DATABASE,
)
WEEKS_AT_RISK = Gauge(
    "shoushan_push_weeks_at_risk", "Weeks that may end without an issue", registry=IN_DATABASE
)
INBOX_FAILED = Gauge(
    "shoushan_wechat_inbox_failed", "Messages waiting for a replay", registry=IN_DATABASE
)
QUEUE_WAITING = Gauge("shoushan_jobs_waiting", "Jobs not yet begun", registry=IN_DATABASE)
QUEUE_FAILED = Gauge("shoushan_jobs_failed", "Jobs that gave up", registry=IN_DATABASE)

"""Every counter and histogram, declared once. Labels never carry a person."""

from prometheus_client import Counter, Gauge, Histogram

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
TOKEN_REFRESHES = Counter(
    "shoushan_wechat_token_refreshes_total", "Access tokens fetched", ["appid"]
)
BEATS = Counter("shoushan_learning_beats_total", "Beats by outcome", ["counted"])
COMPLETIONS = Counter("shoushan_learning_completions_total", "Lessons completed")
TRANSFERS = Counter("shoushan_bank_transfers_total", "Transfers booked", ["unit", "rule"])
LETTERS = Counter("shoushan_push_letters_total", "Letters to persons", ["kind", "outcome"])
JOBS = Counter("shoushan_jobs_total", "Jobs run", ["job", "outcome"])
INBOX_FAILED = Gauge("shoushan_wechat_inbox_failed", "Messages waiting for a replay")
QUEUE_WAITING = Gauge("shoushan_jobs_waiting", "Jobs not yet begun")
QUEUE_FAILED = Gauge("shoushan_jobs_failed", "Jobs that gave up")

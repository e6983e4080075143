"""The URL map on one page."""

from app.api import (
    activities,
    bank,
    deliveries,
    groups,
    health,
    issues,
    lessons,
    links,
    login,
    me,
    organisations,
    pushes,
    rankings,
    tasks,
    uploads,
    wechat,
    weeks,
)
from app.api import credits as my_credits
from app.api.pages import design, scanning, sign_in, static, text_size, wechat_sign_in

ROUTERS = (
    health.router,  # /healthz /readyz /metrics
    wechat.router,  # /wechat/{appid}: what WeChat calls
    login.router,  # /api/v1/login
    me.router,  # /api/v1/me, export, consents, logout
    organisations.router,  # /api/v1/organisations: what to choose from
    my_credits.router,  # /api/v1/me/credits, statement, conversions
    lessons.router,  # /api/v1/lessons, today, beats, answers
    rankings.router,  # /api/v1/rankings/{people|villages|units}
    bank.router,  # /api/v1/transfers/…/reversal, prior-learning
    activities.router,  # /api/v1/activities
    sign_in.router,  # /login /login/link/{ticket} /logout /me/sessions
    scanning.router,  # /login/scan/{code}
    wechat_sign_in.router,  # /login/oauth
    text_size.router,  # /text-size
    static.router,  # /static/{digest}/…: our style sheet, script and drawings
    design.router,  # /design: the style guide, in development only
    tasks.router,  # /api/v1/tasks: what there is to do by hand
    issues.router,  # /api/v1/issues: written, reviewed, scheduled
    issues.readers,  # /a/{issue}-{version}/{index}: 阅读原文
    weeks.router,  # /api/v1/weeks, publishing-plan, closed-days, issues/{id}/outcome
    uploads.router,  # /api/v1/uploads
    uploads.readers,  # /uploads/{sha256}.{jpg|png}
    pushes.router,  # /api/v1/pushes: written, reviewed, scheduled
    groups.router,  # /api/v1/groups
    deliveries.router,  # /api/v1/deliveries: sent, retry, give-up, dead letters
    deliveries.reached,  # /api/v1/reach
    links.router,  # /g/{code}, /posters/{code}.png: what a group's link leads to
)

"""The URL map on one page."""

from app.api import (
    activities,
    api_docs,
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
    studying,
    tasks,
    uploads,
    wechat,
    weeks,
)
from app.api import credits as my_credits
from app.api.lanes import Lane
from app.api.pages import (
    boards,
    complaints,
    credits_page,
    design,
    desk_certificates,
    desk_exports,
    desk_honours,
    desk_overview,
    desk_places,
    desk_rankings,
    desk_residents,
    desk_transfers,
    discover,
    honours,
    lesson,
    my_data,
    my_papers,
    myself,
    office,
    scanning,
    sign_in,
    static,
    studio_activities,
    studio_articles,
    studio_deeds,
    studio_editor,
    studio_groups,
    studio_home,
    studio_issues,
    studio_lesson_text,
    studio_lessons,
    studio_manuscripts,
    studio_pushes,
    studio_questions,
    studio_week,
    text_size,
    today,
    wechat_sign_in,
)

LANES = (
    # Before them all: what is plainly one of these (app/api/lanes.py).
    Lane(
        "/api/v1/lessons/{lesson_id}/beats",
        "/api/v1/lessons/(?P<lesson_id>[1-9][0-9]{0,17})/beats",
        studying.beat_straight,
        query=False,
    ),
    Lane(
        "/api/v1/lessons/{lesson_id}/answers",
        "/api/v1/lessons/(?P<lesson_id>[1-9][0-9]{0,17})/answers",
        studying.answers_straight,
        query=False,
    ),
    Lane("/wechat/{appid}", "/wechat/(?P<appid>[^/]+)", wechat.receive, query=True),
)
ROUTERS = (
    # They are tried in this order: what is asked for most comes first.
    studying.router,  # /api/v1/lessons/{id}/beats, answers
    wechat.router,  # /wechat/{appid}: what WeChat calls
    health.router,  # /healthz /readyz /metrics
    login.router,  # /api/v1/login
    me.router,  # /api/v1/me, export, consents, logout
    organisations.router,  # /api/v1/organisations: what to choose from
    my_credits.router,  # /api/v1/me/credits, statement, conversions
    lessons.router,  # /api/v1/lessons, today
    rankings.router,  # /api/v1/rankings/{people|villages|units}
    bank.router,  # /api/v1/transfers/…/reversal, prior-learning
    activities.router,  # /api/v1/activities
    sign_in.router,  # /login /login/link/{ticket} /logout /me/sessions
    scanning.router,  # /login/scan/{code}
    wechat_sign_in.router,  # /login/oauth
    today.router,  # / (今日), /about
    lesson.router,  # /lessons/{id}, …/beat, answers, result
    credits_page.router,  # /credits (学分银行), …/statement, rules, convert
    my_papers.router,  # /credits/prior-learning: the resident's side of 认定
    boards.router,  # /ranking
    discover.router,  # /discover, /activities, …/sign-up, cancel
    myself.router,  # /me, …/profile, consents, reminders, letters
    complaints.router,  # /me/complaints: 投诉和建议
    my_data.router,  # /me/export, /me/erase, /goodbye
    honours.router,  # /certificates/{number}, ….pdf, …/card, /verify, …/{number}
    text_size.router,  # /text-size
    static.router,  # /static/{digest}/…: our style sheet, script and drawings
    studio_home.router,  # /studio, …/tasks/{id}/done
    studio_pushes.router,  # /studio/manuscripts/new-push, …/{id}/push
    studio_issues.router,  # /studio/manuscripts/new-issue, …/{id}/articles, order
    studio_articles.router,  # /studio/manuscripts/{id}/articles/{number}
    studio_manuscripts.router,  # /studio/manuscripts, …/{id}
    studio_deeds.router,  # /studio/manuscripts/{id}/submit, review, schedule, withdraw, copy
    studio_lesson_text.router,  # /studio/lessons/new, …/{id}/edit
    studio_questions.router,  # /studio/lessons/questions.xlsx, …/{id}/questions
    studio_lessons.router,  # /studio/lessons, …/{id}, …/publish, withdraw
    studio_editor.router,  # /studio/pictures, preview: what the editor's script sends
    studio_week.router,  # /studio/week, …/{id}/move
    studio_activities.router,  # /studio/activities, …/{id}, …/confirm, code
    studio_groups.router,  # /studio/groups, …/{id}
    desk_overview.router,  # /desk
    desk_rankings.router,  # /desk/rankings, …/print
    desk_exports.router,  # /desk/rankings/export
    desk_places.router,  # /desk/rankings/places/{code}
    desk_residents.router,  # /desk/rankings/residents/{id}
    desk_transfers.router,  # /desk/rankings/transfers/{id}, …/reversal
    desk_certificates.router,  # /desk/honours/certificates: before …/{code}
    desk_honours.router,  # /desk/honours, …/{code}: rolls
    *office.ROUTERS,  # /desk/tasks … /desk/closes: the desk's second half
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
    api_docs.router,  # /docs: the API described, to try it out
)

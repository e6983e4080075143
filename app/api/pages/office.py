"""The administrators' desk, its second half: reviews, tasks, pushing, rules, people, the books."""

from app.api.pages import (
    office_audit,
    office_calendar,
    office_closes,
    office_deliveries,
    office_groups,
    office_inbox,
    office_merges,
    office_organisations,
    office_prior_learning,
    office_reviews,
    office_roster,
    office_rules,
    office_tasks,
)

ROUTERS = (
    office_tasks.router,  # /desk/tasks
    office_reviews.router,  # /desk/reviews/{id}: review, schedule, withdraw, outcome
    office_calendar.router,  # /desk/calendar
    office_groups.router,  # /desk/groups
    office_deliveries.router,  # /desk/deliveries, /desk/deliveries/reach
    office_rules.router,  # /desk/rules/{code}
    office_prior_learning.router,  # /desk/prior-learning/{id}
    office_roster.router,  # /desk/roster, /desk/roster/grant
    office_merges.router,  # /desk/roster/merges
    office_organisations.router,  # /desk/organisations/{code}, …/poster
    office_audit.router,  # /desk/audit
    office_closes.router,  # /desk/closes
    office_inbox.router,  # /desk/inbox: dead letters
)

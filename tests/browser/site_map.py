"""Every page there is, whose it is, and where to find one with something in it.

`{names}` in an address are facts of the town that tests/browser/site_town.py settles.
"""

from typing import NamedTuple

FILES = {
    *("/certificates/{number}.pdf", "/certificates/{number}/card.png", "/me/export.json"),
    *("/login/scan/{code}/picture", "/login/scan/{code}/state", "/posters/{code}.png"),
    *("/static/{digest}/{name:path}", "/studio/lessons/questions.xlsx"),
    *("/uploads/{sha256}.{extension}", "/favicon.ico"),
}
"""Nothing that is looked at as a page of its own."""
AWAY = {"/login/oauth", "/login/oauth/back", "/a/{manuscript_id}-{version}/{index}"}
"""What only leads on to another address."""
MACHINES = {"/healthz", "/readyz", "/metrics", "/docs", "/wechat/{appid}"}


class Seen(NamedTuple):
    """A page: its route, an address that shows it, and the status it answers with."""

    route: str
    address: str = ""
    status: int = 200

    @property
    def path(self) -> str:
        return self.address or self.route


STRANGER = (
    Seen("/"),
    Seen("/about"),
    Seen("/discover"),
    Seen("/goodbye"),
    Seen("/lessons/{lesson_id}"),
    Seen("/lessons/{lesson_id}", "/lessons/999", 404),
    Seen("/login/scan/{code}", "/login/scan/{scan_code}"),
    Seen("/login"),
    Seen("/login/link/{ticket}"),
    Seen("/login/link/{ticket}", "/login/link/used", 404),
    Seen("/verify"),
    Seen("/verify/{number}"),
    Seen("/verify/{number}", "/verify/SS2026-000001-AAAAAAAA", 404),
    Seen("/text-size"),
    Seen("/g/{code}"),
    Seen("/g/{code}", "/g/unknown", 404),
    Seen("/design"),
    Seen("/design/{part}", "/design/foundation"),
    Seen("/design/{part}", "/design/staff"),
    Seen("/design/{part}", "/design/print"),
    *(
        Seen("/design/trouble/{status}", f"/design/trouble/{status}", status)
        for status in (403, 409, 500)
    ),
)
NEWCOMER = (
    *(Seen(path) for path in ("/", "/credits", "/credits/statement", "/credits/convert", "/me")),
    *(Seen(path) for path in ("/ranking", "/activities", "/me/letters", "/me/profile")),
)
"""Somebody who has just come, and has nothing yet."""
RESIDENT = (
    *(Seen(path) for path in ("/", "/credits", "/credits/statement", "/credits/rules")),
    *(Seen(path) for path in ("/credits/convert", "/ranking", "/discover", "/activities", "/me")),
    *(Seen(path) for path in ("/me/profile", "/me/consents", "/me/reminders", "/me/letters")),
    *(Seen(path) for path in ("/me/export", "/me/erase", "/me/erase/confirm", "/me/sessions")),
    *(Seen(path) for path in ("/signed-in", "/logout")),
    *(Seen(path) for path in ("/me/complaints", "/credits/prior-learning")),
    Seen("/ranking", "/ranking?board=people"),
    Seen("/discover", "/discover?q=防骗"),
    Seen("/lessons/{lesson_id}"),
    Seen("/lessons/{lesson_id}", "/lessons/{next_lesson_id}"),
    Seen("/lessons/{lesson_id}/result"),
    Seen("/certificates/{number}"),
    Seen("/certificates/{number}/card"),
)
STUDIO = (
    *(Seen(path) for path in ("/studio", "/studio/manuscripts", "/studio/manuscripts/new-push")),
    *(Seen(path) for path in ("/studio/lessons", "/studio/lessons/new", "/studio/week")),
    *(Seen(path) for path in ("/studio/activities", "/studio/activities/new", "/studio/groups")),
    Seen("/studio/manuscripts", "/studio/manuscripts?kind=issue"),
    Seen("/studio/manuscripts/{manuscript_id}", "/studio/manuscripts/{issue_id}"),
    Seen("/studio/manuscripts/{manuscript_id}", "/studio/manuscripts/{push_id}"),
    Seen("/studio/manuscripts/{manuscript_id}/push", "/studio/manuscripts/{draft_push_id}/push"),
    Seen(
        "/studio/manuscripts/{manuscript_id}/articles/{number}",
        "/studio/manuscripts/{draft_issue_id}/articles/1",
    ),
    Seen("/studio/lessons/{lesson_id}"),
    Seen("/studio/lessons/{lesson_id}/edit"),
    Seen("/studio/lessons/{lesson_id}/questions"),
    Seen("/studio/activities/{activity_id}"),
    Seen("/studio/activities/{activity_id}/code"),
    Seen("/studio/groups/{group_id}"),
)
DESK = (
    *(Seen(path) for path in ("/desk", "/desk/rankings", "/desk/rankings/print", "/desk/honours")),
    *(Seen(path) for path in ("/desk/tasks", "/desk/reviews", "/desk/calendar", "/desk/groups")),
    *(Seen(path) for path in ("/desk/groups/new", "/desk/deliveries", "/desk/deliveries/reach")),
    *(Seen(path) for path in ("/desk/rules", "/desk/prior-learning", "/desk/roster")),
    *(Seen(path) for path in ("/desk/roster/grant", "/desk/roster/merges")),
    *(Seen(path) for path in ("/desk/organisations", "/desk/audit", "/desk/closes")),
    *(Seen(path) for path in ("/desk/print", "/desk/honours/certificates")),
    Seen("/desk/rankings", "/desk/rankings?of=people"),
    Seen("/desk/rankings", "/desk/rankings?of=schools&sort=per_member&compare=previous"),
    Seen("/desk/rankings/places/{code}", "/desk/rankings/places/{village}"),
    Seen("/desk/rankings/residents/{person_id}"),
    Seen("/desk/rankings/residents/{person_id}", "{statement}"),
    Seen("/desk/rankings/transfers/{transfer_id}", "{transfer}"),
    Seen("/desk/rankings/transfers/{transfer_id}/reversal", "{reversal}"),
    Seen("/desk/honours/{code}", "/desk/honours/badge.first_lesson"),
    Seen("/desk/reviews/{manuscript_id}", "/desk/reviews/{issue_id}"),
    Seen("/desk/reviews/{manuscript_id}", "/desk/reviews/{push_id}"),
    Seen("/desk/groups/{group_id}"),
    Seen("/desk/deliveries/{delivery_id}"),
    Seen("/desk/rules/{code}", "/desk/rules/lesson.credit"),
    Seen("/desk/prior-learning/{application_id}"),
    Seen("/desk/roster/grant", "/desk/roster/grant?name=槐花婆婆"),
    Seen("/desk/roster/grant", "/desk/roster/grant?person={person_id}"),
    Seen("/desk/roster/merges", "/desk/roster/merges?kept={person_id}&merged={other_id}"),
    Seen("/desk/organisations/{code}", "/desk/organisations/{village}"),
    Seen("/desk/organisations/{code}/poster", "/desk/organisations/{village}/poster"),
)
COUNTY = (
    *(Seen(path) for path in ("/desk", "/desk/rankings", "/desk/inbox", "/desk/organisations")),
    Seen("/desk/rankings", "/desk/rankings?of=towns"),
)
"""An administrator of the whole installation, which has two towns."""
MAP = {
    "stranger": STRANGER,
    "newcomer": NEWCOMER,
    "resident": RESIDENT,
    "studio": STUDIO,
    "desk": DESK,
    "county": COUNTY,
}


class Refused(NamedTuple):
    """A form that comes back: where, what is typed (label → text), the button, the wrong field."""

    address: str
    typed: dict[str, str]
    button: str
    wrong: str


REFUSED = {
    "resident": (
        Refused(
            "/me/profile", {"怎么称呼您": "13900001111", "家庭组代码": "A-1"}, "保存", "怎么称呼您"
        ),
    ),
    "studio": (
        Refused(
            "/studio/activities/new",
            {"活动名称": "短", "日期": "2026-11-25"},
            "发布活动",
            "活动名称",
        ),
    ),
}

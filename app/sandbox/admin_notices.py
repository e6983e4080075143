"""The admin API, part four: what residents allow the mini-program to tell them."""

from fastapi import APIRouter

from app.sandbox import publishing_schemas as s
from app.sandbox.admin_users import Here, Resident
from app.sandbox.callbacks import Outcome
from app.sandbox.notices import answer_popup, change_consent
from app.sandbox.press import Template
from app.sandbox.schemas import OutcomeOut

# ruff: noqa: FAST003  the dependency `user_of` takes the path's user_id

router = APIRouter(prefix="/_sandbox", tags=["notices"])


@router.post(
    "/users/{user_id}/subscribe",
    response_model=OutcomeOut,
    summary="Answer a popup: subscribe_msg_popup_event to the mini-program",
)
async def answer(world: Here, user: Resident, form: s.Popup) -> Outcome:
    return await answer_popup(world, user, form.choices, long_term=form.long_term)


@router.post(
    "/users/{user_id}/subscribe-change",
    response_model=OutcomeOut,
    summary="Change it in the settings: subscribe_msg_change_event",
)
async def change(world: Here, user: Resident, form: s.ConsentChange) -> Outcome:
    return await change_consent(world, user, form.template_id, accept=form.accept)


@router.get(
    "/users/{user_id}/subscriptions", response_model=list[s.ConsentOut], summary="Consents left"
)
async def list_consents(user: Resident) -> list[s.ConsentOut]:
    return [
        s.ConsentOut(template_id=template_id, left=one.left, long_term=one.long_term)
        for template_id, one in user.consents.items()
    ]


@router.get("/templates", response_model=list[s.TemplateOut], summary="Templates made known")
async def list_templates(world: Here) -> list[Template]:
    return list(world.press.templates.values())


@router.put(
    "/templates/{template_id}", response_model=s.TemplateOut, summary="Make a template known"
)
async def put_template(world: Here, template_id: s.TemplateId, form: s.NewTemplate) -> Template:
    template = Template(template_id, form.title, form.names)
    world.press.templates[template_id] = template
    return template

"""That everything is connected to everything it should be."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import click
from alembic import command
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

import app
from app.api import deps, errors
from app.api.pages import doors
from app.api.pages.forgery import SAFE_METHODS, guard
from app.api.pages.router import PageRoute
from app.api.routers import ROUTERS
from app.cli.main import shoushan
from app.core.errors import DomainError
from app.core.jobs import Job, queue
from app.core.schema import alembic_config
from app.worker.schedules import SCHEDULES

ASKING = {deps.get_person_id, deps.get_person_id_first, deps.get_learner, *doors.ASKING}
PUBLIC_PAGES = {
    *("/login", "/login/link/{ticket}", "/login/oauth", "/login/oauth/back", "/logout"),
    *("/login/scan/{code}", "/login/scan/{code}/picture", "/login/scan/{code}/state"),
    *("/signed-in", "/static/{digest}/{name:path}", "/text-size"),
    *("/", "/about", "/discover", "/goodbye", "/lessons/{lesson_id}"),
    *("/verify", "/verify/{number}", "/favicon.ico"),
}
DESIGN = "/design"
"""The style guide: development only, nothing of anybody's."""
CHINESE = re.compile(r"[一-鿿]")
UNRAISED = {"PlatformRefused", "QQRefused", "WeChatRefused", "WeComRefused"}
"""Only their kinds are raised."""
ENGLISH = re.compile(r"[A-Za-z]{2,}")


def import_everything() -> None:
    for module in pkgutil.walk_packages(app.__path__, "app."):
        importlib.import_module(module.name)


def routes() -> Iterator[APIRoute]:
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute), route
            yield route


def calls(dependant: Dependant) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from calls(inner)


def kinds(base: type[DomainError]) -> Iterator[type[DomainError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            yield from commands(inner, f"{path} {name}")


def test_every_job_has_a_task_and_every_task_a_job() -> None:
    import_everything()
    ours = {name for name in queue.tasks if not name.startswith(("builtin:", "procrastinate."))}
    assert ours == {job.value for job in Job}


def test_every_schedule_has_a_job_and_a_name_of_its_own() -> None:
    assert {schedule.job for schedule in SCHEDULES} <= set(Job)
    names = [schedule.name for schedule in SCHEDULES]
    assert len(names) == len(set(names))


def test_law_1_no_route_holds_a_transaction_while_it_calls_wechat() -> None:
    for route in routes():
        asked = set(calls(route.dependant))
        assert not {deps.get_wechat, deps.get_session} <= asked, route.path


def test_every_route_asks_for_a_person_or_is_marked_public() -> None:
    seen = set()
    for route in routes():
        asks = not ASKING.isdisjoint(calls(route.dependant))
        # One or the other: a public mark on a route that asks would be a lie.
        assert asks != (route.endpoint in deps.PUBLIC), route.path
        seen.add(route.endpoint)
    assert seen >= deps.PUBLIC
    public = sorted({route.path for route in routes() if route.endpoint in deps.PUBLIC})
    expected = [
        "/a/{manuscript_id}-{version}/{index}",
        "/api/v1/login/mini",
        "/docs",
        "/g/{code}",
        "/healthz",
        "/metrics",
        "/posters/{code}.png",
        "/readyz",
        "/uploads/{sha256}.{extension}",
        "/wechat/{appid}",
    ]
    machines = [path for path in public if path not in PUBLIC_PAGES]
    assert [path for path in machines if not path.startswith(DESIGN)] == expected


def test_every_page_is_guarded_against_the_forms_of_strangers() -> None:
    pages = [one for one in routes() if one.endpoint.__module__.startswith("app.api.pages.")]
    writing = [one for one in pages if not SAFE_METHODS.issuperset(one.methods or ())]
    assert len(writing) > 3
    for route in writing:
        assert isinstance(route, PageRoute), route.path
        # Before anybody is asked for: what was typed is kept whoever it was.
        assert next(calls(route.dependant)) is guard, route.path
        assert not route.include_in_schema, route.path


def test_no_two_routes_share_a_method_and_path() -> None:
    named = [(method, route.path) for route in routes() for method in route.methods or ()]
    assert len(named) == len(set(named))


def test_the_migrations_make_what_the_models_say(database_url_of_its_own: str) -> None:
    command.check(alembic_config(database_url_of_its_own))


def test_every_error_has_a_chinese_title_a_code_of_its_own_and_a_status() -> None:
    import_everything()
    found = [
        kind
        for kind in set(kinds(DomainError))
        # The stand-in plays another house.
        if kind.__module__.startswith("app.") and not kind.__module__.startswith("app.sandbox")
    ]
    assert len(found) > 60
    for kind in found:
        assert CHINESE.search(kind.title), kind
        if kind.__name__ not in UNRAISED:
            assert errors.status_of(kind.__new__(kind)) in errors.STATUS.values(), kind
    codes = [kind.__name__ for kind in found]
    assert sorted(codes) == sorted(set(codes))


def test_every_command_is_explained_in_english_and_chinese() -> None:
    everything = list(commands(shoushan, "shoushan"))
    assert len(everything) > 20
    said = [(path, one.help) for path, one in everything] + [
        (f"{path} --{option.name}", option.help)
        for path, one in everything
        for option in one.params
        if isinstance(option, click.Option) and option.name not in {"help", "version"}
    ]
    silent = [
        path
        for path, text in said
        if not (ENGLISH.search(text or "") and CHINESE.search(text or ""))
    ]
    assert silent == []


def test_the_contracted_commands_are_there() -> None:
    have = {path.removeprefix("shoushan ") for path, _ in commands(shoushan, "shoushan")}
    assert have >= {
        *("serve", "worker", "sandbox", "up", "migrate", "import orgs", "import lessons"),
        *("role grant", "login-link", "bank audit", "bank close"),
    }

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.core.settings import Settings
from app.main import create_app

PROBLEM = "#/components/schemas/Problem"


@pytest.fixture(scope="module")
def document() -> Any:
    """As a client gets it: through JSON."""
    settings = Settings(_env_file=None, database_url="postgresql://nobody@localhost/nothing")
    return json.loads(json.dumps(create_app(settings).openapi()))


def operations(document: Any) -> Iterator[tuple[str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def nodes(tree: Any) -> Iterator[Any]:
    yield tree
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for child in children:
        yield from nodes(child)


def test_the_contracted_calls_are_all_there(document: Any) -> None:
    have = {name for name, _ in operations(document)}
    assert have >= {
        "GET /healthz",
        "GET /readyz",
        "POST /api/v1/login/mini",
        "GET /api/v1/me",
        "PATCH /api/v1/me",
        "DELETE /api/v1/me",
        "GET /api/v1/me/export",
        "GET /api/v1/me/credits",
        "GET /api/v1/me/statement",
        "GET /api/v1/lessons",
        "GET /api/v1/lessons/today",
        "GET /api/v1/lessons/{lesson_id}",
        "POST /api/v1/lessons/{lesson_id}/beats",
        "POST /api/v1/lessons/{lesson_id}/answers",
        "GET /api/v1/rankings/{board}",
    }


def test_every_reference_leads_somewhere(document: Any) -> None:
    found = {node["$ref"] for node in nodes(document) if isinstance(node, dict) and "$ref" in node}
    assert PROBLEM in found
    for reference in found:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place


def test_every_operation_says_what_it_is(document: Any) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for name, operation in operations(document):
        assert operation.get("summary"), name
        assert operation.get("tags"), name


def test_every_field_and_parameter_has_a_description(document: Any) -> None:
    missing = [
        f"{schema}.{field}"
        for schema, body in document["components"]["schemas"].items()
        for field, facts in body.get("properties", {}).items()
        if not facts.get("description")
    ]
    missing += [
        f"{name}?{parameter['name']}"
        for name, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if not (parameter.get("description") or parameter["schema"].get("description"))
    ]
    assert missing == []


def test_every_error_is_listed_in_one_form(document: Any) -> None:
    for name, operation in operations(document):
        answers = operation["responses"]
        for status, answer in answers.items():
            if int(status) < 400:
                continue
            assert answer["description"], (name, status)
            if name == "GET /g/{code}" and list(answer["content"]) == ["text/html"]:
                continue  # a page for people
            content = answer["content"]
            assert list(content) == ["application/problem+json"], (name, status)
            assert content["application/problem+json"]["schema"] == {"$ref": PROBLEM}
        if not name.split()[1].startswith("/api/v1"):
            continue
        assert {"422", "429", "503"} <= set(answers), name
        if not name.endswith("/login/mini"):
            assert "401" in answers, name
            assert operation["security"], name
        if "requestBody" in operation:
            assert "413" in answers, name


def test_the_problem_has_its_contracted_members(document: Any) -> None:
    problem = document["components"]["schemas"]["Problem"]
    members = {"type", "title", "status", "detail", "code", "request_id"}
    assert set(problem["properties"]) == members
    assert "ValidationError" not in document["components"]["schemas"]


def test_nothing_that_answers_a_question_can_leave_before_it_is_tried(document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert set(schemas["QuestionOut"]["properties"]) == {"id", "kind", "text", "options"}

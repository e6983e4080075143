"""The laws of the house that no linter knows. Each failure names the file, the line and the law."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Double, Float, Numeric, UniqueConstraint

from app.core.db import Model
from app.core.settings import Settings
from app.main import create_app

APP = Path(__file__).parent.parent / "app"
FILE_LINES_MAX, FUNCTION_LINES_MAX = 300, 50
BANNED_NAMES = {"utils", "helpers", "common", "misc", "manager", "base", "lib", "tools"}
DOMAIN = ("credit_bank", "learning", "recognition", "ranking", "push", "content", "people")
EDGES = ("api/", "worker/", "cli/", "main.py")

BANNED_CALLS = {  # call → the only places that may make it
    "datetime.now": ("core/clock.py",),
    "datetime.utcnow": (),
    "datetime.today": (),
    "date.today": (),
    "time.time": (),
    "time.monotonic": (),
    "time.perf_counter": ("core/clock.py",),
    "func.now": (),
    "session.commit": ("core/db.py",),
    "session.rollback": ("core/db.py",),
    # wechat/token.py shares the access token between processes in short transactions of its own
    # around a call: docs/decisions/0007.
    # core/group_commit.py is where many requests share one: docs/decisions/0020.
    "transaction": (*EDGES, "core/db.py", "core/group_commit.py", "wechat/token.py"),
    "read_transaction": (*EDGES, "core/db.py"),
}
NETWORK = {
    "app.core.exchange",
    "app.qq.client",
    "app.qq.groups",
    "app.wechat.calls",
    "app.wechat.client",
    "app.wechat.drafts",
    "app.wechat.freepublish",
    "app.wechat.mass",
    "app.wechat.materials",
    "app.wechat.notices",
    "app.wechat.oauth",
    "app.wechat.token",
    "app.wechat.transport",
    "app.wecom.app_messages",
    "app.wecom.client",
    "app.wecom.groups",
    "app.wecom.robot",
}
OWN_NETWORK = ("core/", "qq/", "wechat/", "wecom/")
CALLS = re.compile(
    r"(app_messages|calls|drafts|freepublish|mass|materials|robot|qq_groups|wecom_groups)\."
    r"|.*\bwechat\.call\b|client\.|http\.|code_to_session|create_qr_code"
    r"|send_(robot|app_text|group_text|notice|to_all)|add_(group_task|draft|cover)"
    r"|(get|find|remind)_group_(results|task)|upload_body_image|find_published|page_visitor"
)
PERSONAL = {"openid", "unionid", "phone", "birth_year", "fields", "reply"}
PERSONAL_TABLES = {
    "person",
    "identity",
    "merge",
    "office",
    "consent",
    "person_token",
    "sign_in_ticket",
}


def sources() -> Iterator[tuple[str, str, ast.Module]]:
    for path in sorted(APP.rglob("*.py")):
        source = path.read_text("utf-8")
        yield path.relative_to(APP).as_posix(), source, ast.parse(source)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def none_of(found: Iterator[str]) -> None:
    assert list(found) == []


def test_files_and_functions_are_small_and_well_named() -> None:
    def wrong() -> Iterator[str]:
        for name, source, tree in sources():
            stem = Path(name).stem
            if stem in BANNED_NAMES:
                yield f"{name}: a file is named after what it is about, not {stem!r}"
            if stem == "__init__" and name != "__init__.py" and source.strip():
                yield f"{name}: package files are empty"
            if source.count("\n") > FILE_LINES_MAX:
                yield f"{name}: {source.count(chr(10))} lines (max {FILE_LINES_MAX})"
            for node in functions(tree):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    yield f"{name}:{node.lineno}: {node.name} has {lines} lines"

    none_of(wrong())


def test_law_1_and_2_only_the_right_places_commit_and_read_the_clock() -> None:
    def wrong() -> Iterator[str]:
        for name, _, tree in sources():
            for node in ast.walk(tree):
                if not isinstance(node, ast.Call):
                    continue
                call = ast.unparse(node.func).removeprefix("db.")
                if call in BANNED_CALLS and not name.startswith(BANNED_CALLS[call] or "-"):
                    yield f"{name}:{node.lineno}: {call}() belongs in {BANNED_CALLS[call]}"

    none_of(wrong())


def test_law_1_no_network_call_inside_a_transaction() -> None:
    """Domain and flows cannot even name the network; edges never call it while one is open."""

    def wrong() -> Iterator[str]:
        for name, _, tree in sources():
            at_the_edge = name.startswith(EDGES)
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and not name.startswith(OWN_NETWORK):
                    modules = {node.module} | {f"{node.module}.{one.name}" for one in node.names}
                    if modules & NETWORK and not at_the_edge:
                        yield f"{name}:{node.lineno}: imports the network"
                if isinstance(node, ast.AsyncWith) and opens_transaction(node):
                    for inner in ast.walk(ast.Module(node.body, [])):
                        if isinstance(inner, ast.Call) and calls_network(inner):
                            yield f"{name}:{inner.lineno}: network call inside a transaction"

    none_of(wrong())


def opens_transaction(node: ast.AsyncWith) -> bool:
    return any("transaction(" in ast.unparse(item.context_expr) for item in node.items)


def calls_network(node: ast.Call) -> bool:
    return CALLS.match(ast.unparse(node.func)) is not None


def test_law_2_now_is_the_last_argument_and_has_no_default() -> None:
    def wrong() -> Iterator[str]:
        for name, _, tree in sources():
            if not name.startswith(DOMAIN):
                continue
            for node in functions(tree):
                keywords = [one.arg for one in node.args.kwonlyargs]
                if "now" in keywords and keywords[-1] != "now" and node.args.kwarg is None:
                    yield f"{name}:{node.lineno}: {node.name} takes now, but not last"
                if "now" in keywords and node.args.kw_defaults[keywords.index("now")] is not None:
                    yield f"{name}:{node.lineno}: {node.name} has a default for now"

    none_of(wrong())


def is_fraction(node: ast.AST) -> bool:
    """A float, a true division (of numbers, not of paths), float() or round()."""
    match node:
        case ast.Constant(value=float()):
            return True
        case ast.BinOp(op=ast.Div()):
            return "__file__" not in ast.unparse(node)
        case ast.Call(func=ast.Name(id="float" | "round")):
            return True
    return False


def test_law_3_no_floats_near_credits() -> None:
    none_of(
        f"{name}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)}"
        for name, _, tree in sources()
        if name.startswith(("credit_bank", "recognition", "ranking", "learning"))
        for node in ast.walk(tree)
        if is_fraction(node)
    )
    none_of(
        f"{table.name}.{column.name} is {column.type}"
        for table in Model.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Float | Double | Numeric)
    )


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("transfer", {"key"}),
        ("transfer", {"reverses_id"}),
        ("wechat_inbox", {"appid", "key"}),
        ("identity", {"appid", "openid"}),
        ("letter", {"key"}),
        ("permit", {"key"}),
        ("task", {"key"}),
        ("manuscript", {"key"}),
        ("delivery", {"group_id", "local_day"}),
        ("publication", {"manuscript_id"}),
        ("publication", {"appid", "job_id"}),
        ("lesson", {"key"}),
        ("study", {"person_id", "lesson_id"}),
        ("attendance", {"activity_id", "person_id"}),
        ("honour", {"person_id", "code"}),
        ("credit_rule", {"code", "version"}),
    ],
)
def test_law_4_every_fact_has_a_natural_key_in_the_database(table: str, columns: set[str]) -> None:
    constraints = Model.metadata.tables[table].constraints
    keys = [{one.name for one in c.columns} for c in constraints if isinstance(c, UniqueConstraint)]
    assert columns in keys


def test_law_5_no_request_can_carry_evidence() -> None:
    banned = re.compile(
        r"second|duration|score|progress|complete|watch|elapsed|credit|points|role|verified|right"
    )
    document = create_app(Settings(database_url="postgresql://nowhere/x")).openapi()
    schemas = document["components"]["schemas"]

    def bodies() -> Iterator[str]:
        for operations in document["paths"].values():
            for operation in operations.values():
                for content in operation.get("requestBody", {}).get("content", {}).values():
                    yield content["schema"]["$ref"].rpartition("/")[2]

    asked = set(bodies())
    assert {"PersonPatch", "AnswersIn", "MiniLogin"} <= asked
    none_of(
        f"{name}.{field}"
        for name in sorted(asked)
        for field in schemas[name]["properties"]
        if banned.search(field)
    )
    beats = document["paths"]["/api/v1/lessons/{lesson_id}/beats"]["post"]
    assert "requestBody" not in beats


def test_law_6_domain_errors_know_no_http() -> None:
    def wrong() -> Iterator[str]:
        for name, source, _ in sources():
            if name.startswith(("api/", "sandbox/", "cli/", "main.py", "wechat/transport.py")):
                continue
            for number, line in enumerate(source.splitlines(), 1):
                if re.search(r"HTTPException|status_code|HTTPStatus", line):
                    yield f"{name}:{number}: speaks HTTP"

    none_of(wrong())


def test_law_8_personal_data_lives_in_people() -> None:
    """The inbox alone keeps openids beside them: it forgets on erasure and after 190 days."""
    none_of(
        f"{table.name}.{column.name}"
        for table in Model.metadata.tables.values()
        for column in table.columns
        if column.name in PERSONAL and table.name not in {*PERSONAL_TABLES, "wechat_inbox"}
    )


def test_nothing_is_left_open() -> None:
    none_of(
        f"{name}:{number}: {line.strip()}"
        for name, source, _ in sources()
        for number, line in enumerate(source.splitlines(), 1)
        if re.search(r"\b(TODO|FIXME|XXX)\b|NotImplementedError", line)
    )

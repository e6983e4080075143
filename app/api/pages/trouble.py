"""An error as a page: what happened, what to do now, and what was typed is not lost."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from app.api.pages import frame

TOO_MANY = 429
"""From here on the cause is none of the reader's business."""
CHINESE = re.compile(r"\W*[\u4e00-\u9fff]")
WORDS = re.compile(r"[\u4e00-\u9fff]|\S{12}")
"""What somebody wrote, not what a form's option is called."""
MACHINES = ("/api/", "/wechat/", "/static/", "/docs", "/openapi.json")
MACHINES_EXACT = {"/healthz", "/readyz", "/metrics"}


class Advice(NamedTuple):
    icon: str
    title: str
    """Empty: the error tells its own."""
    text: str
    again: bool = False
    """Whether sending the same once more makes sense."""


ADVICE = {
    401: Advice("lock", "请先登录", "登录后可以接着做刚才的事。"),
    403: Advice("lock", "", "如果您认为应该可以打开，请联系本村（社区）的辅导员。"),
    404: Advice("compass", "", "可能是地址输错了，或者内容已经撤下。"),
    405: Advice("compass", "没有这个页面", "请从首页重新进入。"),
    409: Advice(
        "people", "", "您填写的内容在下面，没有丢。请先打开最新的一份，再把需要的内容改上去。"
    ),
    413: Advice("upload", "文件太大了", "请换一个小一些的文件，图片可以先压缩。"),
    422: Advice("pen", "有的地方没填对", "请返回上一页，改好后再提交。您填写的内容没有丢。"),
    429: Advice("clock", "操作有点快", "请稍等一会儿再试，不用重复点。", again=True),
    500: Advice(
        "tool", "系统出了点问题", "不是您的操作有误，我们已经记录下来。请过一会儿再试。", again=True
    ),
    503: Advice(
        "cloud", "暂时连不上", "学习记录没有丢。请过一会儿再试，不用重新填写。", again=True
    ),
}
OF_CODES = {
    "SignInFirst": Advice(
        "lock", "", "这次太大，没有收下。请返回上一页，先把写好的文字复制下来，登录后再提交。"
    ),
}
"""Where the status alone would promise too much."""
OTHER = Advice("tool", "", "请返回上一页再试一次。", again=True)


def wanted(scope: Scope) -> bool:
    """Whether a person looks at this answer: a page's route, or a browser at no route of ours."""
    root: str = scope.get("root_path", "")
    path: str = scope["path"].removeprefix(root)
    if path.startswith(MACHINES) or path in MACHINES_EXACT:
        return False
    if getattr(scope.get("endpoint"), "__module__", "").startswith("app.api.pages."):
        return True
    accepted = dict(scope["headers"]).get(b"accept", b"")
    return b"text/html" in accepted


def _said(problem: Mapping[str, object], status: int) -> str:
    """What the error says of this very case, where it is said to people and helps them."""
    detail = str(problem["detail"])
    helps = status < TOO_MANY and detail != problem["title"]
    return detail if helps and CHINESE.match(detail) else ""


def page(
    scope: Scope, problem: Mapping[str, object], status: int, headers: Mapping[str, str]
) -> Response:
    """The page for this problem (the JSON API's form of it)."""
    request = Request(scope)
    advice = OF_CODES.get(str(problem["code"])) or ADVICE.get(status, OTHER)
    typed: list[tuple[str, str]] = getattr(request.state, "typed", [])
    return frame.render(
        request,
        "trouble.html",
        status=status,
        headers={name: headers[name] for name in ("retry-after", "allow") if name in headers},
        advice=advice,
        title=advice.title or problem["title"],
        detail=_said(problem, status),
        request_id=problem["request_id"],
        status_code=status,
        typed=typed,
        texts=[value for name, value in typed if name != "once" and WORDS.search(value)],
        sent=request.method == "POST",
    )

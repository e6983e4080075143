"""What can go wrong, in the words of the trade. No HTTP numbers: see app/api/errors.py.

DomainError
├── NotFound          there is no such thing
├── Conflict          it contradicts what is already booked
├── Forbidden         this person may not
├── Unauthenticated   nobody is signed in
├── Invalid           the request makes no sense
├── TooMany           not so fast
└── Unavailable       something we depend on does not answer
"""


class DomainError(Exception):
    """An expected refusal.

    `title` is Chinese, for people; `code` (the class's name) is stable, for programs; `facts` go
    to the log and to the answer, so they hold no personal data.
    """

    title = "请求无法完成"

    def __init__(self, detail: str = "", **facts: object) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.facts = facts

    @property
    def code(self) -> str:
        return type(self).__name__


class NotFound(DomainError):
    title = "没有找到"


class Conflict(DomainError):
    title = "与已有记录冲突"


class Forbidden(DomainError):
    title = "没有权限"


class Unauthenticated(DomainError):
    title = "请先登录"


class Invalid(DomainError):
    title = "填写的内容有误"


class TooMany(DomainError):
    """`retry_after` (seconds) is among the facts."""

    title = "操作太频繁，请稍后再试"


class Unavailable(DomainError):
    title = "服务暂时不可用，请稍后再试"

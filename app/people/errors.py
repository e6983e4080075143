"""What can go wrong with persons and organisations."""

from dataclasses import dataclass

from app.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated

PROBLEMS_SHOWN = 20
"""More lines than a person reads at once; all of them are among the facts."""


class PersonNotFound(NotFound):
    title = "没有找到此人"


class PersonErased(Conflict):
    title = "此人的资料已按本人要求删除"


class OrganisationNotFound(NotFound):
    title = "没有找到这个村（社区）或单位"


class OrganisationUnsuitable(Invalid):
    title = "所选机构的类别不合适"


class NameUnsuitable(Invalid):
    title = "姓名应为 1–20 个字，不含号码和特殊符号"


class BirthYearUnsuitable(Invalid):
    title = "出生年份有误"


@dataclass(frozen=True)
class Problem:
    line: int
    text: str


class OrgFileError(Invalid):
    """Every problem of the file at once, so it is corrected in one go."""

    title = "机构文件有误，没有导入任何一行"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line)
        lines = [f"第 {problem.line} 行：{problem.text}" for problem in self.problems]
        if len(lines) > PROBLEMS_SHOWN:
            lines[PROBLEMS_SHOWN:] = [f"……共 {len(lines)} 处"]
        super().__init__(
            "；".join(lines),
            errors=[{"line": problem.line, "text": problem.text} for problem in self.problems],
        )


class MergeWithSelf(Invalid):
    title = "不能把一个人与其本人合并"


class AlreadyMerged(Conflict):
    title = "此人已并入另一人"


class MergeNotFound(NotFound):
    title = "没有找到这次合并"


class MergeAlreadyUndone(Conflict):
    title = "这次合并已经撤销"


class LaterMergeFirst(Conflict):
    title = "请先撤销之后的那次合并"


class OfficeNotFound(NotFound):
    title = "没有找到这项任职"


class OfficeAlreadyHeld(Conflict):
    title = "此人在该机构已有同一职责的任期"


class OfficeAlreadyEnded(Conflict):
    title = "这项任职已经结束"


class OfficeClaimed(Forbidden):
    title = "职责由他人授予，不能授予自己"


class OfficeOwn(Forbidden):
    title = "自己的职责请由另一位管理员来结束"


class MergeOwn(Forbidden):
    title = "与自己有关的账户，请由另一位管理员来合并或撤销"


class ReasonNotFit(Invalid):
    title = "请写明理由（2–200 个字，不要写电话、证件号码）"


class TermUnsuitable(Invalid):
    title = "任期的结束日期应晚于开始日期"


class RoleUnknown(Invalid):
    title = "没有这种职责"


class PurposeUnknown(Invalid):
    title = "没有这种用途的同意"


class ConsentOutdated(Conflict):
    title = "告知内容已更新，请阅读新版本后再同意"


class GuardianNeeded(Forbidden):
    title = "未满十四周岁，须由监护人同意"


class GuardianUnsuitable(Invalid):
    title = "监护人信息不合适"


class TokenUnknown(Unauthenticated):
    pass


class TokenExpired(Unauthenticated):
    title = "登录已过期，请重新登录"


class TokenRevoked(Unauthenticated):
    title = "登录已失效，请重新登录"


class IdentityTaken(Conflict):
    title = "这个账号已经属于另一个人"


class SessionNotFound(NotFound):
    title = "没有找到这台设备的登录"


class TicketUnknown(NotFound):
    title = "这个登录链接或登录码无效"


class TicketExpired(Conflict):
    title = "这个登录链接或登录码已过期，请重新获取"


class TicketUsed(Conflict):
    title = "这个登录链接或登录码已经用过，请重新获取"


class ScanTaken(Conflict):
    title = "这个登录码已被别人扫过，请在电脑上换一个"


class NotConfirmed(Conflict):
    title = "手机上还没有确认登录"

"""A statement's lines (对账单), each explaining itself: what, when, which rule, why this amount."""

from app.core.clock import local_text
from app.credit_bank.queries import Line
from app.credit_bank.rules import Rule, amount_text

PERIOD_NAMES = {"day": "每天", "week": "每周", "year": "每年"}


def duration_text(seconds: int) -> str:
    """80 → 1 分 20 秒."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "小时"), (minutes, "分"), (rest, "秒"))
    return " ".join(f"{number} {name}" for number, name in parts if number) or "0 秒"


HEADINGS = {
    "reversal": "更正",
    "merge": "账户合并",
    "unmerge": "撤销账户合并",
}


def heading(line: Line) -> str:
    """A few words for one line: what it is about."""
    title = line.transfer.facts.get("title", "")
    if line.rule is not None:
        return f"{line.rule.name}《{title}》"
    name = HEADINGS.get(line.transfer.kind, "")
    if not name:
        return str(title)
    return f"{name}：{title}" if title else name


def explain(line: Line) -> str:
    """One Chinese sentence for one line."""
    made, title = line.transfer, line.transfer.facts.get("title", "")
    amount = amount_text(abs(line.amount), decimals=line.unit.decimals, name=line.unit.name)
    match made.kind:
        case "award":
            said = _award(line, amount)
        case "reinstatement":
            said = f"{_award(line, amount)}（恢复此前的记录）"
        case "reversal":
            said = (
                f"冲正第 {made.reverses_id} 号记录《{title}》，扣回 {amount}。原因：{made.reason}。"
            )
        case "merge":
            said = f"账户合并，{'并入' if line.amount > 0 else '转出'} {amount}。"
        case "unmerge":
            said = f"账户合并已撤销，{'收回' if line.amount > 0 else '退还'} {amount}。"
        case "conversion":
            said = f"{title}，{'转换得到' if line.amount > 0 else '转换用去'} {amount}。"
        case other:
            raise AssertionError(f"transfer {made.id} is of the unknown kind {other!r}")
    if line.reversed_by_id is not None:
        said += f"（此笔已被第 {line.reversed_by_id} 号记录冲正）"
    if line.balance_after < 0:
        said += "余额为负，是更正造成的，之后学到的会先补上。"
    return f"{local_text(made.made_at)} {said}"


def _award(line: Line, amount: str) -> str:
    rule, facts = line.rule, line.transfer.facts
    assert rule is not None, line.transfer.id
    said = f"{rule.name}《{facts.get('title', '')}》，得 {amount}。{rule.explanation}。"
    if "seconds" in facts:
        said += f"核实时长 {duration_text(int(facts['seconds']))}。"
    if "bound_by" in facts:
        said += why_capped(
            rule,
            worth=int(facts["worth"]),
            cap=int(facts["cap"]),
            period=str(facts["bound_by"]),
            decimals=line.unit.decimals,
            unit_name=line.unit.name,
        )
    return said


def why_capped(
    rule: Rule, *, worth: int, cap: int, period: str, decimals: int, unit_name: str
) -> str:
    """Why an award is smaller than its rule says, or nothing at all. Any day may read it."""
    would = amount_text(worth, decimals=decimals, name=unit_name)
    most = amount_text(cap, decimals=decimals, name=unit_name)
    return f"本应得 {would}，“{rule.name}”{PERIOD_NAMES[period]}最多 {most}，已到上限。"

"""Numbers of the desk as people read them: amounts, changes, the columns of a board."""

from collections.abc import Sequence
from typing import Any

from app.api.pages.desk_asked import Asked
from app.api.pages.frame import number
from app.credit_bank.models import Unit
from app.ranking.spans import Row, Sums

CHART_ROWS = 10


def amount(value: int, unit: Unit) -> str:
    """`123456` hundredths as 1,234.56, with a true minus sign and without the unit's name."""
    whole, rest = divmod(abs(value), 10**unit.decimals)
    said = f"{number(whole)}.{rest:0{unit.decimals}d}" if unit.decimals else number(whole)
    return f"−{said}" if value < 0 else said


def change(now: int, before: int) -> str:
    """In words, rounded half up to a tenth of a per cent; integers only."""
    if now == before:
        return "持平"
    if before <= 0:
        return "新增" if before == 0 else "—"
    tenths = (2 * abs(now - before) * 1000 + before) // (2 * before)
    return f"{'多' if now > before else '少'} {number(tenths // 10)}.{tenths % 10}%"


def columns(asked: Asked, *, towns: int) -> list[tuple[str, str, str]]:
    """(key, head, kind) as the table macro takes them; which town, where there are several."""
    of_people = asked.of == "people"
    some = [("rank", "名次", "rank"), ("name", "姓名" if of_people else "名称", "")]
    if of_people:
        some += [("place", "村社、单位", "place")]
    else:
        if towns > 1 and asked.of != "towns":
            some += [("place", "属于", "place")]
        some += [("members", "人数", "number"), ("learners", "得分人数", "number")]
    some += [("amount", "合计", "number")]
    if not of_people:
        some += [("per_member", "人均", "number")]
    if asked.compares:
        some += [("before", "对比期", "number"), ("change", "增减", "number")]
    return some


def cells(row: Row, unit: Unit) -> dict[str, Any]:
    return {
        "rank": row.rank,
        "name": row.name,
        "place": row.place or "—",
        "members": number(row.members),
        "learners": number(row.learners),
        "amount": amount(row.amount, unit),
        "per_member": amount(row.per_member, unit) if row.members else "—",
        "before": amount(row.before, unit),
        "change": change(row.amount, row.before),
    }


def total_cells(sums: Sums, unit: Unit) -> dict[str, Any]:
    mean = (2 * sums.amount + sums.members) // (2 * sums.members) if sums.members else 0
    return {
        "rank": "",
        "name": "合计",
        "place": "",
        "members": number(sums.members),
        "learners": number(sums.learners),
        "amount": amount(sums.amount, unit),
        "per_member": amount(mean, unit) if sums.members else "—",
        "before": amount(sums.before, unit),
        "change": change(sums.amount, sums.before),
    }


def left_out(sums: Sums, asked: Asked, unit: Unit) -> str:
    """What the branch earned beyond the rows, so that the sum is the ledger's."""
    rest = sums.whole - sums.amount
    if rest == 0:
        return ""
    whose = {"towns": "乡镇（街道）", "villages": "村（社区）"}.get(asked.of, "这类单位")
    why = "没有选择公开的居民" if asked.of == "people" else f"没有登记{whose}的居民"
    return f"另有 {amount(rest, unit)} {unit.name}属于{why}，两项相加是总账上的数。"


def bars(rows: Sequence[Row], unit: Unit, *, mean: bool) -> list[tuple[str, int, str, bool]]:
    """The first ones, longest first, as the chart takes them."""
    measured = [(row.name, row.per_member if mean else row.amount) for row in rows]
    measured.sort(key=lambda one: -one[1])
    return [(name, value, amount(value, unit), False) for name, value in measured[:CHART_ROWS]]


def pairs(rows: Sequence[Row], unit: Unit) -> list[tuple[str, int, int, str, str]]:
    return [
        (row.name, row.before, row.amount, amount(row.amount, unit), change(row.amount, row.before))
        for row in rows[:CHART_ROWS]
    ]

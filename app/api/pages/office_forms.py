"""What a form of the desk holds, read field by field: each kind of value fails in one way."""

from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation

from starlette.datastructures import FormData

from app.core.clock import BEGINNING, END, TOWN
from app.core.errors import Invalid

LINE_MAX, TEXT_MAX = 200, 2000


class FieldUnsuitable(Invalid):
    """Facts: `field`."""

    title = "有一处没有填对"


def text(form: FormData, name: str, *, most: int = LINE_MAX) -> str:
    """What was typed, without the space around it; "" for nothing."""
    given = form.get(name)
    words = given.strip() if isinstance(given, str) else ""
    if len(words) > most:
        raise FieldUnsuitable(f"最多 {most} 个字，现在 {len(words)} 个", field=name)
    if "\x00" in words:
        raise FieldUnsuitable("有不能保存的字符", field=name)
    return words


def texts(form: FormData, name: str) -> list[str]:
    return [one for one in form.getlist(name) if isinstance(one, str)]


def one_of(form: FormData, name: str, known: tuple[str, ...]) -> str:
    chosen = text(form, name)
    if chosen not in known:
        raise FieldUnsuitable("请选择一项", field=name)
    return chosen


def whole(form: FormData, name: str, *, least: int = 1, most: int = 2**63 - 1) -> int:
    given = text(form, name, most=20)
    number = int(given) if given.isascii() and given.isdecimal() else -1
    if not least <= number <= most:
        raise FieldUnsuitable("请填写一个整数", field=name)
    return number


def amount(form: FormData, name: str, *, decimals: int) -> int | None:
    """1.25 with two decimals is 125; None for an empty field."""
    given = text(form, name, most=16)
    if not given:
        return None
    try:
        scaled = Decimal(given).scaleb(decimals)
        number = int(scaled)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise FieldUnsuitable("请填写一个数", field=name) from error
    if scaled != number or not 0 <= number < 2**53:
        places = f"最多 {decimals} 位小数" if decimals else "整数"
        raise FieldUnsuitable(f"请填写不小于 0 的数，{places}", field=name)
    return number


def a_day(given: str, field: str = "day") -> date:
    try:
        day = date.fromisoformat(given)
    except ValueError as error:
        raise FieldUnsuitable("请选择日期", field=field) from error
    if not BEGINNING <= day < END:
        raise FieldUnsuitable("日期太早或太晚", field=field)
    return day


def a_day_or_none(given: str | None, field: str = "day") -> date | None:
    return a_day(given, field) if given else None


def an_hour(form: FormData, name: str) -> time:
    try:
        hour = time.fromisoformat(text(form, name, most=8))
    except ValueError as error:
        raise FieldUnsuitable("请填写钟点，如 18:00", field=name) from error
    return hour.replace(tzinfo=None, second=0, microsecond=0)


def an_instant_or_none(form: FormData, name: str) -> datetime | None:
    """A field of the kind datetime-local, town time."""
    given = text(form, name, most=40)
    if not given:
        return None
    try:
        instant = datetime.fromisoformat(given)
    except ValueError as error:
        raise FieldUnsuitable("请填写日期和钟点", field=name) from error
    if not BEGINNING <= instant.date() < END:
        raise FieldUnsuitable("日期太早或太晚", field=name)
    return instant if instant.tzinfo else instant.replace(tzinfo=TOWN)

"""Many rows in one statement: handed over as one JSON text, taken apart by the database.

One parameter however many rows there are, so a statement is prepared once; the types are named in
the statement itself. Rows go as objects; where it is thousands a second, as columns, which are half
as long and a third of the work.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, LiteralString


def as_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """A JSON array for `json_to_recordset(%(rows)s::json) AS given (name type, …)`."""
    return json.dumps(list(rows), ensure_ascii=False, default=_plain)


def as_columns(columns: Mapping[str, Sequence[Any]]) -> str:
    """A JSON object of the columns, all of one length, for `from_columns`.

    A value that is JSON itself is an object: an array would be taken for another dimension.
    """
    return json.dumps(columns, ensure_ascii=False, default=_plain)


def from_columns(parameter: str, types: Mapping[str, str]) -> LiteralString:
    """What stands after FROM: rows `given` of these columns and of `n`, their number from 1."""
    arrays = ", ".join(f"{name} {kind}[]" for name, kind in types.items())
    each = ", ".join(f"columns.{name}" for name in types)
    return f"""(
        SELECT each.* FROM json_to_record(%({parameter})s::json) AS columns ({arrays}),
            unnest({each}) WITH ORDINALITY AS each ({", ".join(types)}, n)) AS given"""  # noqa: S608  names in our own code


def as_ids(ids: Iterable[int]) -> str:
    """The same for ids alone, for `= ANY(%(ids)s::bigint[])`.

    The driver would look at each of them, and prepare anew for larger ones.
    """
    return "{" + ",".join(map(str, ids)) + "}"


def _plain(value: object) -> str:
    if isinstance(value, date):  # Instants are dates, too.
        return value.isoformat()
    raise TypeError(type(value))

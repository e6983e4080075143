"""Many rows in one statement: handed over as one JSON text, taken apart by json_to_recordset.

One parameter however many rows there are, so a statement is prepared once; the types are named in
the statement itself.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any


def as_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """A JSON array for `json_to_recordset(CAST(:rows AS json)) AS given (name type, …)`."""
    return json.dumps(list(rows), ensure_ascii=False, default=_plain)


def as_ids(ids: Iterable[int]) -> str:
    """The same for ids alone, for `= ANY(CAST(:ids AS bigint[]))`.

    The driver would look at each of them, and prepare anew for larger ones.
    """
    return "{" + ",".join(map(str, ids)) + "}"


def _plain(value: object) -> str:
    if isinstance(value, date):  # Instants are dates, too.
        return value.isoformat()
    raise TypeError(type(value))

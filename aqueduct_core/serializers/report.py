"""Great Tables: a pickle to go on with, and the HTML to look at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aqueduct_core.abc import JSON, Budget, Sink, Source
from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers.pickle import PickleSerializer

__all__ = ["GreatTableSerializer"]

_ID = "great-table"  # where it has none of its own; theirs is another each time


class GreatTableSerializer:
    """`great_tables.GT` as a pickle, with the HTML that it makes beside it.

    What comes back is a table that can be changed and rendered again. That takes a pickle, since formats
    and styles may be functions, so it is loaded only from artifacts that are trusted. The page is in the
    part `html`: `store.open(ref, "html")` gives it to anybody.
    """

    name = "great_tables"
    version = 1
    types: tuple[type | str, ...] = ("great_tables.gt.GT",)
    safe = False
    suffix = ".pkl"

    def accepts(self, obj: Any, /) -> bool:
        from great_tables import GT

        return type(obj) is GT

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        page = _html(obj)
        meta = PickleSerializer().dump(obj, sink)
        sink.write(page.encode("utf-8", "surrogatepass"), part="html")
        return meta

    def load(self, source: Source, /) -> Any:
        return PickleSerializer().load(source)

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        """Its title, and how many rows and columns it shows."""
        rows, columns = obj._tbl_data.shape
        title = str(getattr(obj._heading.title, "text", obj._heading.title) or "")[:200]
        return {
            "class": "great_tables.gt.GT",
            "rows": rows,
            "columns": columns,
            "title": title,
            "preview": f"{title or 'a table'}: {rows} rows, {columns} columns",
        }


def _html(table: Any) -> str:
    named = table if table._options.table_id.value else table.with_id(_ID)
    try:
        return str(named.as_raw_html())
    except Exception as error:  # formats and styles may be anybody's functions
        reason = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")
        raise UnserializableError(
            f"the table can't be rendered: {reason}",
            hint='mend it, or store it without its page: put(..., serializer="pickle")',
        ) from error

"""Names of tables and values of parameters, as they come from the user."""

from __future__ import annotations

import decimal
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from aqueduct_core.errors import IntegrationError

__all__ = ["TableName", "bindable", "is_text"]

_NAME = re.compile(r'(?:(?P<schema>"(?:[^"]|"")+"|[^".]+)\.)?(?P<name>"(?:[^"]|"")+"|[^".]+)')


@dataclass(frozen=True, slots=True)
class TableName:
    """A table, and the schema that it is in, if it isn't the usual one."""

    name: str
    schema: str | None = None

    @classmethod
    def of(cls, text: str) -> TableName:
        """From `name`, `schema.name`, or with quotes around parts that have dots.

        Raises:
            IntegrationError: It is neither.
        """
        found = _NAME.fullmatch(text)
        if found is None or not is_text(text):
            raise IntegrationError(
                f"{text!r} can't be the name of a table",
                hint='"table", "schema.table", or \'"odd.name"\' in double quotes',
            )
        schema, name = (part and _unquoted(part) for part in (found["schema"], found["name"]))
        return cls(name, schema)

    def quoted(self, quote: Callable[[str], str]) -> str:
        """The table as it is written in SQL, where `quote` writes a name."""
        schema = f"{quote(self.schema)}." if self.schema else ""
        return schema + quote(self.name)


def bindable(name: str, value: Any) -> Any:
    """A parameter's value as drivers take it."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()  # a NumPy scalar
    if type(value).__module__.startswith("pandas") and hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime(warn=False)
    if isinstance(value, date) and value != value:
        return None
    if isinstance(value, str) and not is_text(value.replace("\0", "")):  # some databases keep NUL
        raise IntegrationError(
            f"the parameter :{name} is no text: it has half of a character, {value!r:.80}",
            hint="decode it with errors='replace' where it comes from",
        )
    plain = bool | int | float | str | bytes | date | time | decimal.Decimal | uuid.UUID
    if value is None or isinstance(value, plain):
        return value
    raise IntegrationError(
        f"the parameter :{name} is {type(value).__name__}, which a database can't compare with",
        hint="bind None, a bool, number, str, bytes, date, time, datetime, Decimal or UUID",
    )


def is_text(value: str) -> bool:
    """Whether a text can be sent: it has no NUL, and no half of a character."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part

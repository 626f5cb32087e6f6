"""Tables against schemas of pandera."""

from __future__ import annotations

import inspect
from typing import Any

from aqueduct_core.checks._results import Verdict
from aqueduct_core.dag import refusal

__all__ = ["check_is_schema", "schema_name", "validate"]

_LISTED = 10  # kinds of failures that a reason lists
_EXAMPLES = 3  # values of each


def check_is_schema(schema: Any) -> None:
    """Refuse what is no schema of pandera for a table."""
    if not hasattr(schema, "validate") or "pandera" not in _packages(schema):
        raise refusal(
            f"validate takes a schema of pandera, not {_told(schema)}",
            hint="a DataFrameSchema or a DataFrameModel; "
            'pip install "aqueduct-core[pandera]" where pandera is missing',
        )


def schema_name(schema: Any) -> str:
    """What a schema is called."""
    return str(getattr(schema, "name", None) or getattr(schema, "__name__", None) or "schema")


def validate(table: Any, schema: Any) -> Verdict:
    """Whether a table fits a schema, and what of it doesn't."""
    from pandera.errors import SchemaError, SchemaErrors

    try:
        schema.validate(_as_table_of(schema, table), lazy=True)
    except SchemaErrors as error:
        return Verdict(False, _reason(error.failure_cases))
    except SchemaError as error:
        return Verdict(False, str(error))
    return Verdict(True)


def _as_table_of(schema: Any, table: Any) -> Any:
    """The table as one of the library that the schema is for."""
    if hasattr(table, "collect"):
        table = table.collect()  # of a lazy frame pandera looks at the schema only
    polars = any("polars" in name for name in _modules(schema))
    library = type(table).__module__.partition(".")[0]
    if polars and library != "polars":
        import polars as pl

        return pl.from_arrow(table) if library == "pyarrow" else pl.from_pandas(table)
    if not polars and library in ("polars", "pyarrow"):
        return table.to_pandas()
    return table


def _reason(cases: Any) -> str:
    """Failure cases as text: one line per column and check, with the first values."""
    rows = cases.to_dicts() if hasattr(cases, "to_dicts") else cases.to_dict("records")
    kinds: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        column = f"column {row['column']!r}, " if row["schema_context"] == "Column" else ""
        kinds.setdefault((column, str(row["check"])), []).append(row)
    lines = [_line(f"{column}{check}", found) for (column, check), found in kinds.items()]
    if len(lines) > _LISTED:
        lines[_LISTED:] = [f"and {len(lines) - _LISTED} more"]
    return "the table does not fit:\n" + "\n".join(lines)


def _line(what: str, rows: list[Any]) -> str:
    examples = ", ".join(
        f"{row['failure_case']!r}" + (f" in row {row['index']}" if _has_index(row) else "")
        for row in rows[:_EXAMPLES]
    )
    more = ", ..." if len(rows) > _EXAMPLES else ""
    return f"- {what}: {len(rows):,} not valid ({examples}{more})"


def _has_index(row: Any) -> bool:
    return row["index"] is not None and row["index"] == row["index"]  # NaN where there is none


def _packages(schema: Any) -> set[str]:
    return {name.partition(".")[0] for name in _modules(schema)}


def _modules(schema: Any) -> list[str]:
    kind = schema if inspect.isclass(schema) else type(schema)
    return [base.__module__ for base in kind.__mro__]


def _told(value: Any) -> str:
    return value.__name__ if inspect.isclass(value) else type(value).__name__

"""SQLite's Arrow driver, and what has to be looked after when it reads.

The driver types a column by the first rows it sees. A text and a number in one column would come back as
two texts, integers above 2**53 beside a float rounded. So a query also tells where a value that may be
text isn't, in the same pass, and results with such values are left to the driver of the standard library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import adbc_driver_sqlite.dbapi as adbc
import pyarrow as pa
import pyarrow.compute as pc

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._columns import affinity
from aqueduct_core.integrations._results import Column, Result, arrow_chunks
from aqueduct_core.integrations._rows import columns_of_rows

if TYPE_CHECKING:
    from aqueduct_core.integrations._statement import Statement

__all__ = ["DRIVER_ERRORS", "Connection", "DoubtfulError", "told"]

DRIVER_ERRORS = (adbc.Error, OSError)  # the second by Arrow, in the middle of a result
_BATCH_OPTION = "adbc.sqlite.query.batch_rows"
_BATCH = 65_536
_MARK = "CASE typeof({}) WHEN 'null' THEN 0 WHEN 'text' THEN 1 WHEN 'blob' THEN 2 ELSE 3 END"
_TEXT, _BLOB = pa.array([0, 1]), pa.array([0, 2])
_EXACT = 2**53  # integers beyond may be changed when they become floats


class DoubtfulError(IntegrationError):
    """The Arrow driver may have changed a value, or can't read what another driver can."""


class Connection:
    """A connection that executes statements one after the other; it begins no transaction itself.

    Args:
        path: The file.
        patience: Seconds to wait for another writer.
    """

    def __init__(self, path: str, patience: float) -> None:
        self._connection = adbc.connect(path, autocommit=True)
        self._cursor = self._connection.cursor()
        self.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")

    def close(self) -> None:
        self._cursor.close()
        self._connection.close()

    def execute(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that a statement gives."""
        self._cursor.execute(text, tuple(values) or None)
        return self._cursor.fetchall() if self._cursor.description else []

    def insert(self, text: str, rows: Any) -> None:
        """Execute a statement for each row of an Arrow table."""
        self._cursor.executemany(text, rows)

    def result(
        self, source: str, statement: Statement, values: Mapping[str, Any], shape: Sequence[Any]
    ) -> Result:
        """Start a query that only reads.

        Args:
            source: What results are called in errors.
            statement: The query.
            values: Its parameters.
            shape: Name and declared type of each column.
        """
        given: list[Any] = []

        def mark(name: str) -> str:
            given.append(values[name])
            return "?"

        columns = [f"c{index}" for index in range(len(shape))]
        marks = _Marks.of([declared for _, declared in shape])
        first = ", ".join([*(_example(declared) for _, declared in shape), *marks.examples()])
        listed = ", ".join([*columns, *marks.expressions(columns)])
        # A line break before the bracket: the query may end in a comment.
        query = f"{statement.render(mark)}\n"
        text = f"WITH q({', '.join(columns)}) AS ({query}) SELECT {first} UNION ALL SELECT {listed} FROM q"  # noqa: S608 - the user's own  # fmt: skip
        self.execute("PRAGMA query_only = ON")
        self._cursor.adbc_statement.set_options(**{_BATCH_OPTION: str(_BATCH)})
        self._cursor.execute(text, tuple(given) or None)
        reader = self._cursor.fetch_record_batch()
        names = [name for name, _ in shape]
        made = columns_of_rows(names, [kind for _, kind in shape])
        typed = [Column(item.name, partial(_settled, item.settle), item.way_out) for item in made]
        return Result(source, typed, _checked(source, reader, names, marks))


def told(error: BaseException) -> str:
    """What SQLite says of an error, without what the driver adds."""
    said = str(error).partition("\nquery:")[0]
    return re.sub(r"^[A-Z_]+: (\[SQLite\] )?(Failed to (prepare|step|execute) query: )?", "", said)


def _example(declared: str) -> str:
    """A value of the type that a column most likely has: its first values may all be NULL."""
    kind = affinity(declared)
    if kind == "text" or declared.startswith(("DATE", "TIME")):
        return "''"
    whole = kind == "integer" or declared.startswith("BOOL")
    return "0" if whole else "0.5" if kind == "real" else "NULL"


@dataclass(frozen=True, slots=True)
class _Marks:
    """Further columns of a query, which tell what type values have in the database.

    Attributes:
        texts: Columns that are declared as text or moments; one mark tells whether any of them is
            neither text nor NULL.
        unsure: Columns that may be anything, with a mark each. Those declared as numbers have none:
            text in them is left to the other driver.
    """

    texts: Sequence[int]
    unsure: Sequence[int]

    @classmethod
    def of(cls, declared: Sequence[str]) -> _Marks:
        texts = [index for index, kind in enumerate(declared) if _example(kind) == "''"]
        unsure = [index for index, kind in enumerate(declared) if _example(kind) == "NULL"]
        return cls(texts, unsure)

    def examples(self) -> list[str]:
        return ["0"] * (bool(self.texts) + len(self.unsure))

    def expressions(self, columns: Sequence[str]) -> list[str]:
        others = [f"(typeof({columns[index]}) NOT IN ('text', 'null'))" for index in self.texts]
        alone = [_MARK.format(columns[index]) for index in self.unsure]
        return ([" + ".join(others)] if others else []) + alone

    def doubtful(self, arrays: Sequence[Any], marks: Sequence[Any]) -> Iterator[int]:
        """The columns that the driver may have changed."""
        told = list(marks)
        if self.texts and pc.any(pc.greater(told.pop(0), 0)).as_py():
            yield from self.texts
        own = dict(zip(self.unsure, told, strict=True))
        for index, array in enumerate(arrays):
            kind, mark = array.type, own.get(index)
            if (
                pa.types.is_floating(kind)
                and _may_be_rounded(array)
                or pa.types.is_binary(kind)
                and not _are(mark, _BLOB)
            ):
                yield index
            elif pa.types.is_string(kind):
                known = index in self.texts or _are(mark, _TEXT)
                if not (known and _is_utf8(array)):
                    yield index


def _checked(source: str, reader: Any, names: Sequence[str], marks: _Marks) -> Iterator[list[Any]]:
    """Chunks in which every value is what it is in the database; the first row is an example."""
    examples = 1
    for chunk in arrow_chunks(reader):
        arrays, told = chunk[: len(names)], chunk[len(names) :]
        arrays, told = ([array[examples:] for array in some] for some in (arrays, told))
        for index in marks.doubtful(arrays, told):
            raise DoubtfulError(
                f"{source}: column {names[index]!r} has values of several types",
                hint=f"give it one type in the query: CAST({names[index]} AS ...)",
            )
        yield arrays
        examples = 0


def _may_be_rounded(array: Any) -> bool:
    """Whether some of the floats may have been integers that floats can't hold."""
    far = pc.and_(pc.greater_equal(pc.abs(array), float(_EXACT)), pc.is_finite(array))
    return bool(pc.any(pc.and_(far, pc.equal(array, pc.floor(array)))).as_py())


def _are(marks: Any, known: Any) -> bool:
    """Whether the marks of all values are among these."""
    return marks is not None and pc.all(pc.is_in(marks, known)).as_py() is not False


def _is_utf8(array: Any) -> bool:
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _settled(settle: Any, chunks: list[Any]) -> Any:
    """The driver calls integers what has no value at all."""
    known = [pa.nulls(len(part)) if part.null_count == len(part) else part for part in chunks]
    return settle(known)

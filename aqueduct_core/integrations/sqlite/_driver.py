"""SQLite's Arrow driver, and what has to be looked after when it reads.

The driver types a column by the first rows it sees. A text and a number in one column would come back as
two texts, integers above 2**53 beside a float rounded. So a query fails where a value that is declared as
text is something else, in the same pass, and a result with such values is read again, type by type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import adbc_driver_sqlite.dbapi as adbc
import pyarrow as pa
import pyarrow.compute as pc

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._columns import affinity
from aqueduct_core.integrations._parts import owned
from aqueduct_core.integrations._results import Column, Result, arrow_chunks
from aqueduct_core.integrations._rows import as_declared, columns_of_rows

if TYPE_CHECKING:
    from aqueduct_core.integrations._statement import Statement

__all__ = ["DRIVER_ERRORS", "Connection", "DoubtfulError", "told"]

DRIVER_ERRORS = (adbc.Error, OSError)  # the second by Arrow, in the middle of a result
_BATCH_OPTION = "adbc.sqlite.query.batch_rows"
_BATCH = 65_536
_EXAMPLES = {"integer": "0", "real": "0.5", "text": "''", "blob": "x''"}
_MARK = "CASE typeof({}) WHEN 'null' THEN 0 WHEN 'text' THEN 1 WHEN 'blob' THEN 2 ELSE 3 END"
_TEXT, _BLOB = pa.array([0, 1]), pa.array([0, 2])
# Numbers come before every text, blobs after it. Only a text of what are no characters is beyond the
# second one, and merely read in the other way. This takes a quarter of the time of `typeof`.
_OTHER = f"+{{}} COLLATE BINARY NOT BETWEEN '' AND '{chr(0x10FFFF) * 8}'"
_FAIL = "json_extract('{{}}', 'aqueduct: column {}')"  # which is no path
_FAILED = re.compile(r"aqueduct: column (\d+)")
_EXACT = 2**53  # integers beyond may be changed when they become floats


class DoubtfulError(IntegrationError):
    """The Arrow driver may have changed a value, or can't read what another driver can."""


class Connection:
    """A connection that executes statements one after the other; it begins no transaction itself.

    All that is done with a file is done by this one library: a second one in the same process, as that
    of Python's own `sqlite3`, would let go of the first one's locks.

    Args:
        path: The file.
        patience: Seconds to wait for another writer.
    """

    def __init__(self, path: str, patience: float) -> None:
        self._connection = adbc.connect(path, autocommit=True)
        self._cursor = self._connection.cursor()
        self.ask(f"PRAGMA busy_timeout = {int(patience * 1000)}")

    def close(self) -> None:
        self._cursor.close()
        self._connection.close()

    def ask(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        self._cursor.execute(text, values or None)
        return list(self._cursor.fetchall())

    def run(self, text: str, rows: Any = None) -> None:
        """Execute a statement that gives no rows: once, or for each row of an Arrow table."""
        # Not `execute`, which would keep an error until somebody asks for rows.
        self._cursor.executemany(text, rows)

    def shape(self, statement: Statement) -> list[tuple[str, str]] | None:
        """Name and declared type, empty for computed ones, of each column; None if it can't be told.

        The driver doesn't tell, but a view's columns keep the declarations of what they come from.
        """
        view = f"CREATE TEMP VIEW aqueduct_types AS {statement.without_parameters()}"
        try:
            self.run(view)
            columns = self.ask("PRAGMA temp.table_info(aqueduct_types)")
            self.run("DROP VIEW temp.aqueduct_types")
        except DRIVER_ERRORS:
            return None  # not every statement can be a view
        return [(column[1], str(column[2]).upper()) for column in columns]

    def open(self, statement: Statement, values: Mapping[str, Any], around: Any, batch: int) -> Any:
        """Start a query that only reads; returns an Arrow reader.

        Args:
            statement: The query.
            values: Its parameters.
            around: Makes the text that is executed of that of the query.
            batch: The rows of a batch.
        """
        given: list[Any] = []

        def mark(name: str) -> str:
            given.append(values[name])
            return "?"

        text = around(statement.render(mark))
        self.run("PRAGMA query_only = ON")
        self._cursor.adbc_statement.set_options(**{_BATCH_OPTION: str(batch)})
        self._cursor.execute(text, tuple(given) or None)
        return self._cursor.fetch_record_batch()

    def names(self, statement: Statement, values: Mapping[str, Any]) -> list[str]:
        """The names of a query's columns, which may repeat."""
        with self.open(statement, values, lambda text: text, 1) as reader:
            return list(reader.schema.names)

    def quick(
        self, source: str, statement: Statement, values: Mapping[str, Any], shape: Sequence[Any]
    ) -> Result:
        """The result of a query, which is doubtful if a column has values of several types.

        Args:
            source: What results are called in errors.
            statement: The query.
            values: Its parameters.
            shape: Name and declared type of each column.
        """
        columns = [f"c{index}" for index in range(len(shape))]
        marks = _Marks.of([declared for _, declared in shape])
        first = [*(_example(declared) for _, declared in shape), *marks.examples()]
        listed = [marks.guarded(columns), *columns[1:], *marks.expressions(columns)]
        around = _around(columns, first, listed, fixed=self._is_random(statement))
        reader = self.open(statement, values, around, _BATCH)
        names = [name for name, _ in shape]
        made = columns_of_rows(names, [kind for _, kind in shape])
        typed = [Column(item.name, partial(_settled, item.settle), item.way_out) for item in made]
        kinds = [kind for _, kind in shape]
        return Result(source, typed, _checked(source, reader, names, marks, kinds))

    def exact(
        self, source: str, statement: Statement, values: Mapping[str, Any], shape: Sequence[Any]
    ) -> Result:
        """The result of a query, value by value: each column is asked for once for each type."""
        columns = [f"c{index}" for index in range(len(shape))]
        first = list(_EXAMPLES.values()) * len(columns)
        listed = [f"CASE typeof({name}) WHEN '{kind}' THEN {name} END" for name in columns for kind in _EXAMPLES]  # fmt: skip
        around = _around(columns, first, listed, fixed=True)
        reader = self.open(statement, values, around, _BATCH)
        names = [name for name, _ in shape]
        made = columns_of_rows(names, [kind for _, kind in shape])
        return Result(source, made, _united(source, reader, names))

    def _is_random(self, statement: Statement) -> bool:
        """Whether a column, perhaps of a view, may be something else whenever it is looked at."""
        views = self.ask("SELECT sql FROM sqlite_master WHERE type = 'view'")
        return any("random" in text.lower() for text in (statement.text, *(sql for [sql] in views)))


# A table of this name could not be read: the query would refer to itself.
_AROUND = '"the query of aqueduct_core"'


def _around(
    columns: Sequence[str], first: Sequence[str], listed: Sequence[str], *, fixed: bool
) -> Any:
    """Expressions over the columns of a query, after a row of examples.

    Args:
        columns: What the columns are called in the expressions.
        first: The examples.
        listed: The expressions.
        fixed: Whether each column is to be computed once only, which takes longer.
    """

    def text(query: str) -> str:
        # A line break before the bracket: the query may end in a comment.
        inner = f"{query}\n"
        if fixed:  # with an offset SQLite doesn't put what computes a column in its place
            inner = f"SELECT * FROM ({inner}) LIMIT -1 OFFSET 0"  # noqa: S608 - the user's own
        named = f"WITH {_AROUND}({', '.join(columns)}) AS ({inner})"
        rows = f"SELECT {', '.join(listed)} FROM {_AROUND}"  # noqa: S608 - the user's own
        return f"{named} SELECT {', '.join(first)} UNION ALL {rows}"

    return text


def _united(source: str, reader: Any, names: Sequence[str]) -> Iterator[list[Any]]:
    """Chunks of one column for each four: an array if its values have one type, or else a tuple."""
    examples = 1
    for chunk in arrow_chunks(reader):
        typed = [array[examples:] for array in chunk]
        united = []
        for index, name in enumerate(names):
            some = typed[index * len(_EXAMPLES) : (index + 1) * len(_EXAMPLES)]
            if not all(map(_is_utf8, some)):
                raise IntegrationError(
                    f"{source}: column {name!r} has text that is not in UTF-8",
                    hint=f"read it as bytes: CAST({name} AS BLOB)",
                )
            used = [array for array in some if array.null_count < len(array)]
            united.append(used[0] if len(used) == 1 else _values(used, len(some[0])))
        yield united
        examples = 0


def _values(arrays: Sequence[Any], rows: int) -> Any:
    if not arrays:
        return pa.nulls(rows)
    lists = [array.to_pylist() for array in arrays]
    return tuple(
        next((value for value in row if value is not None), None)
        for row in zip(*lists, strict=True)
    )


def told(error: BaseException) -> str:
    """What SQLite says of an error, without what the driver adds."""
    said = str(error).partition("\nquery:")[0]
    added = r"^[A-Z_]+: (\[SQLite\] )?(failed to (prepare|step|execute) query: )?"
    return re.sub(added, "", said, flags=re.IGNORECASE)


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
        texts: Columns that are declared as text or moments. They have no mark: the query fails where
            one of them is neither text nor NULL.
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
        return ["0"] * len(self.unsure)

    def expressions(self, columns: Sequence[str]) -> list[str]:
        return [_MARK.format(columns[index]) for index in self.unsure]

    def guarded(self, columns: Sequence[str]) -> str:
        """The first column, which can't be read where a text is something else."""
        if not self.texts:
            return columns[0]
        cases = [f"WHEN {_OTHER.format(columns[n])} THEN {_FAIL.format(n)}" for n in self.texts]
        return f"CASE {' '.join(cases)} ELSE {columns[0]} END"

    def doubtful(self, arrays: Sequence[Any], marks: Sequence[Any]) -> Iterator[int]:
        """The columns that the driver may have changed."""
        own = dict(zip(self.unsure, marks, strict=True))
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


def _checked(
    source: str, reader: Any, names: Sequence[str], marks: _Marks, declared: Sequence[str]
) -> Iterator[list[Any]]:
    """Chunks in which every value is what it is in the database; the first row is an example."""
    examples = 1
    known: dict[int, Any] = {}
    for batch in _batches(source, reader, names):
        arrays = [array[examples:] for array in batch.columns]
        for index in marks.doubtful(arrays[: len(names)], arrays[len(names) :]):
            raise _several(source, names[index])
        chunk = [
            _declared(source, names, known, *item)
            for item in zip(count(), arrays, declared, strict=False)
        ]
        del batch, arrays  # before the driver makes the next ones
        yield chunk
        examples = 0


def _batches(source: str, reader: Any, names: Sequence[str]) -> Iterator[Any]:
    """What the reader reads, until a text isn't one."""
    try:
        yield from reader
    except DRIVER_ERRORS as error:
        guarded = _FAILED.search(str(error))
        if guarded is None:
            raise
        raise _several(source, names[int(guarded[1])]) from error


def _several(source: str, name: str) -> DoubtfulError:
    return DoubtfulError(
        f"{source}: column {name!r} has values of several types",
        hint=f"give it one type in the query: CAST({name} AS ...)",
    )


def _declared(
    source: str, names: Sequence[str], known: dict[int, Any], index: int, array: Any, kind: str
) -> Any:
    """Values as the type they are declared as, a chunk at a time: moments take less than their text.

    Args:
        source: What results are called in errors.
        names: The names of the columns.
        known: The type of each column, as its first values have decided.
        index: The column.
        array: Some of its values.
        kind: Its declared type.
    """
    if array.null_count == len(array) or known.get(index) == array.type:
        return owned(array)
    found = as_declared(pa.chunked_array([array]), kind.partition("(")[0].strip()).chunk(0)
    if known.setdefault(index, found.type) != found.type:
        raise DoubtfulError(
            f"{source}: column {names[index]!r} has values that are {known[index]}, and others",
            hint=f"give it one type in the query: CAST({names[index]} AS ...)",
        )
    return owned(array if found.type == array.type else found)


def _may_be_rounded(array: Any) -> bool:
    """Whether some of the floats may have been integers that floats can't hold."""
    far = pc.greater_equal(pc.abs(array), float(_EXACT))
    if not pc.any(far).as_py():
        return False
    whole = pc.and_(pc.is_finite(array), pc.equal(array, pc.floor(array)))
    return bool(pc.any(pc.and_(far, whole)).as_py())


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

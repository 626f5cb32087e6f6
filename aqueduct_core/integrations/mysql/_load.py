"""Rows into a table of MySQL or MariaDB, as text that LOAD DATA reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pymysql import err
from pymysql.constants import COMMAND, CR, ER
from pymysql.protocol import MysqlPacket, OKPacketWrapper

from aqueduct_core.errors import LossyTypeError
from aqueduct_core.integrations.mysql._socket import MysqlConnection

__all__ = ["check_numbers", "load", "not_allowed"]

_BLOCK = 8 << 20  # bytes of a table that are text at a time
_ROWS = 50_000
_PIECE = 1 << 20  # bytes sent in one packet; servers take no less
_CUT = 1265  # spaces at the end of a text
_REFUSED = {1148, 3948, 4166}  # the server takes no data from its clients


def load(connection: MysqlConnection, into: str, names: Sequence[str], data: Any) -> None:
    """Add rows to a table.

    The server asks for a file of some name; it gets the rows, whatever name it asks for.

    Args:
        connection: The driver's connection.
        into: The table, quoted.
        names: Its columns, quoted, in the order of the data's.
        data: An Arrow table.
    """
    targets, settings = [], []
    for index, (name, column) in enumerate(zip(names, data.columns, strict=True)):
        if pa.types.is_binary(column.type):
            targets.append(f"@c{index}")
            settings.append(f"{name} = UNHEX(@c{index})")
        else:
            targets.append(name)
    text = (
        f"LOAD DATA LOCAL INFILE 'rows' INTO TABLE {into} CHARACTER SET utf8mb4 "
        "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' "
        f"LINES TERMINATED BY '\n' ({', '.join(targets)})"
    )
    if settings:
        text += f" SET {', '.join(settings)}"
    wire = connection.wire
    wire.command(COMMAND.COM_QUERY, text.encode())
    if not MysqlPacket(wire.read(), "utf-8").is_load_local_packet():
        raise err.OperationalError(CR.CR_COMMANDS_OUT_OF_SYNC, "the server asked for no rows")
    for block in _written(data):
        view = memoryview(block)
        for start in range(0, len(view), _PIECE):
            wire.write(view[start : start + _PIECE])
    wire.write(b"")
    _check(connection, OKPacketWrapper(MysqlPacket(wire.read(), "utf-8")), data.num_rows)


def not_allowed(error: Exception) -> bool:
    """Whether the server, or this user's right, knows no such way."""
    return bool(error.args) and error.args[0] in _REFUSED


def check_numbers(data: Any) -> None:
    """Refuse what MySQL has no number for.

    Raises:
        LossyTypeError: A column has infinity, or a NaN that isn't NULL.
    """
    for name, column in zip(data.column_names, data.columns, strict=True):
        if pa.types.is_floating(column.type) and pc.any(pc.invert(pc.is_finite(column))).as_py():
            raise LossyTypeError(
                "MySQL has neither infinity nor NaN",
                path=f"[{name!r}]",
                hint="replace them, or make them NULL: df.replace([np.inf, -np.inf], None)",
            )


def _check(connection: MysqlConnection, result: Any, rows: int) -> None:
    """What would be an error elsewhere is only a warning when a client sends the rows."""
    if result.warning_count:
        for level, code, message in connection.show_warnings():
            if level != "Note" or code == _CUT:
                raise err.DataError(code, message)
    if result.affected_rows != rows:
        raise err.IntegrityError(
            ER.DUP_ENTRY, f"{rows - result.affected_rows} of {rows} rows were not taken"
        )


def _written(data: Any) -> Iterator[Any]:
    """The rows as text, some at a time."""
    each = data.nbytes // max(data.num_rows, 1) + 1
    for batch in data.to_batches(max(1, min(_ROWS, _BLOCK // each))):
        texts = [_text(column) for column in batch.columns]
        rows = pc.binary_join_element_wise(
            *texts, ",", null_handling="replace", null_replacement="NULL"
        )
        if isinstance(rows, pa.Array) and len(rows):
            rows = pc.binary_join_element_wise(rows, "", "\n")
            first, last = rows.offset, rows.offset + len(rows)
            offsets = pa.Array.from_buffers(pa.int32(), last + 1, [None, rows.buffers()[1]])
            start, end = offsets[first].as_py(), offsets[last].as_py()
            yield rows.buffers()[2].slice(start, end - start)


def _text(column: Any) -> Any:
    """Values as text; those that are missing stay so."""
    kind, types = column.type, pa.types
    if types.is_boolean(kind):
        return column.cast(pa.int8()).cast(pa.string())
    if types.is_string(kind):
        doubled = pc.replace_substring(column, '"', '""')
        return pc.binary_join_element_wise('"', doubled, '"', "")
    if types.is_binary(kind):
        return pa.array(
            [value if value is None else value.hex() for value in column.to_pylist()], pa.string()
        )
    if kind == pa.uuid():
        return pa.array([value and str(value) for value in column.to_pylist()], pa.string())
    if types.is_timestamp(kind):
        return column.cast(pa.timestamp("us")).cast(pa.string())
    if types.is_float32(kind):
        column = column.cast(pa.float64())  # the shortest text may be larger than the largest float
    return column.cast(pa.string())

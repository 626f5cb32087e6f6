"""Arrow IPC: nothing is copied, and nothing that lies is believed."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.serializers.tables import _ipc
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing._tamper import tamper
from tests.serializers.tables.arrow_values import ARRAYS, coded, field

ROWS = 100_000
LARGE = pa.table(
    {
        "i": np.arange(ROWS),
        "f": np.arange(ROWS) / 7,
        "s": [f"a text {index}" for index in range(ROWS)],
    }
)


class Kept:
    """A sink that keeps the buffers it is given."""

    def __init__(self) -> None:
        self.buffers: list[Any] = []

    def write(self, *buffers: Any, part: str = "data") -> None:
        self.buffers.extend(buffers)


class Given:
    """A source of one part."""

    trusted = False
    vouched = False

    def __init__(self, data: bytes, meta: dict[str, Any]) -> None:
        self.meta = meta
        self._data = bytearray(data)

    def view(self, part: str = "data") -> memoryview:
        return memoryview(self._data)


def written(table: pa.Table) -> tuple[Kept, dict[str, Any]]:
    kept = Kept()
    return kept, _ipc.write(table, kept)  # type: ignore[arg-type]


def joined(kept: Kept) -> bytes:
    return b"".join(bytes(memoryview(buffer).cast("B")) for buffer in kept.buffers)


def test_writing_does_not_copy() -> None:
    before = pa.total_allocated_bytes()
    kept, _ = written(LARGE)
    assert pa.total_allocated_bytes() - before < 10_000
    addresses = {buffer.address for buffer in kept.buffers if isinstance(buffer, pa.Buffer)}
    for column in LARGE.columns:
        for buffer in column.chunk(0).buffers()[1:]:
            assert buffer.address in addresses


def test_neighbours_in_memory_are_written_as_one() -> None:
    block = np.arange(200_000.0).reshape(200, 1_000)
    table = pa.table([pa.array(row) for row in block], names=[f"c{i}" for i in range(200)])
    kept, meta = written(table)
    bodies = [buffer for buffer in kept.buffers if isinstance(buffer, pa.Buffer)]
    assert [body.size for body in bodies] == [block.nbytes]
    assert np.shares_memory(np.frombuffer(bodies[0]), block)
    assert _ipc.read(Given(joined(kept), meta))[0].equals(table)  # type: ignore[arg-type]


def test_loading_aliases_the_view_which_is_writable() -> None:
    kept, meta = written(LARGE)
    source = Given(joined(kept), meta)
    before = pa.total_allocated_bytes()
    table, base = _ipc.read(source)  # type: ignore[arg-type]
    assert pa.total_allocated_bytes() - before < 10_000
    values = np.frombuffer(_ipc.writable(table.column("i").chunk(0).buffers()[1], base), np.int64)
    assert values.flags.writeable
    values[0] = 41
    assert table.column("i")[0].as_py() == 41
    elsewhere = _ipc.writable(pa.py_buffer(b"abc"), base)
    assert bytes(elsewhere) == b"abc"
    assert not elsewhere.readonly


def test_other_readers_read_it(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, policy="fast")
    with store.open(store.put(LARGE)) as file:
        assert pa.ipc.open_file(file).read_all().equals(LARGE)


def test_columns_are_read_alone() -> None:
    kept, meta = written(LARGE)
    source = Given(joined(kept), meta)
    table, _ = _ipc.read(source, ["s", "i"])  # type: ignore[arg-type]
    assert table.equals(LARGE.select(["s", "i"]))
    with pytest.raises(KeyError, match="no column 'x'; there are 'i', 'f', 's'"):
        _ipc.read(source, ["x"])  # type: ignore[arg-type]


WORDS = ["a word that is long", "and another long one", "c" * 20]
TEXT, WIDE = pa.array(WORDS), pa.array(WORDS, pa.large_string())
NUMBERS = pa.array([[1], [2, 3], []])
FAR = 2**30
LIES: dict[str, tuple[Any, int, int, str, tuple[int, ...]]] = {
    # array, which of its buffers, where in it, what is put there
    "text": (TEXT, 1, 4, "<i", (FAR,)),
    "text, at the end": (TEXT, 1, 12, "<i", (FAR,)),
    "large text": (WIDE, 1, 8, "<q", (FAR,)),
    "falling text": (TEXT, 1, 4, "<ii", (40, 20)),
    "below zero": (TEXT, 1, 0, "<i", (-8,)),
    "list": (NUMBERS, 1, 4, "<i", (FAR,)),
    "list of text": (pa.array([WORDS]), 3, 4, "<i", (FAR,)),
    "map": (pa.array([[("k", "v")]], pa.map_(pa.string(), pa.string())), 1, 4, "<i", (FAR,)),
    "fixed list": (pa.FixedSizeListArray.from_arrays(TEXT, 3), 2, 4, "<i", (FAR,)),
    "struct": (pa.StructArray.from_arrays([TEXT], ["t"]), 2, 4, "<i", (FAR,)),
    "view": (pa.array(WORDS, pa.string_view()), 1, 12, "<i", (FAR,)),
    "list view": (pa.array([[1, 2]], pa.list_view(pa.int8())), 1, 0, "<i", (FAR,)),
    "index": (coded([0, 1], WORDS), 1, 0, "<i", (9,)),
    "index below zero": (coded([0, 1], WORDS), 1, 4, "<i", (-1,)),
    "list of indices": (ARRAYS["list of dictionaries"], 3, 0, "<i", (9,)),
    "type code": (ARRAYS["dense union"], 1, 0, "<b", (5,)),
    "union offset": (ARRAYS["dense union"], 2, 0, "<i", (FAR,)),
    "run end": (pa.RunEndEncodedArray.from_arrays([2, 4], ["a", "b"]), 2, 0, "<q", (-9,)),
    "tensor": (pa.ExtensionArray.from_storage(pa.json_(), TEXT), 1, 4, "<i", (FAR,)),
}


@pytest.mark.parametrize("name", LIES)
def test_offsets_that_leave_their_buffers_are_noticed(name: str) -> None:
    array, buffer, at, form, values = LIES[name]
    store = ArtifactStore("memory://", policy="fast")
    store.put(field(array), "k")

    def change(_: str, data: bytes) -> bytes:
        mapped = pa.ipc.open_file(pa.py_buffer(data)).get_batch(0).column(0).buffers()[buffer]
        changed = bytearray(data)
        struct.pack_into(form, changed, mapped.address - pa.py_buffer(data).address + at, *values)
        return bytes(changed)

    tamper(store, "k", change)
    with pytest.raises(CorruptArtifactError, match="not a valid Arrow file"):
        store.get("k")


def test_bodies_that_are_compressed_are_refused() -> None:
    for opened in (pa.ipc.new_file, pa.ipc.new_stream):
        for table in (LARGE, field(coded([0, 0], ["x" * 5_000, "y"]))):
            file = pa.BufferOutputStream()
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            with opened(file, table.schema, options=options) as writer:
                writer.write_table(table)
            meta = {} if opened is pa.ipc.new_file else {"container": "stream"}
            with pytest.raises(CorruptArtifactError, match="compressed"):
                _ipc.read(Given(file.getvalue().to_pybytes(), meta))  # type: ignore[arg-type]


def test_files_cut_anywhere_are_noticed() -> None:
    kept, meta = written(LARGE.slice(0, 50))
    data = joined(kept)
    for end in range(0, len(data), 37):
        with pytest.raises(CorruptArtifactError):
            _ipc.read(Given(data[:end], meta))  # type: ignore[arg-type]


def test_what_is_odd_but_harmless_is_read() -> None:
    store = ArtifactStore("memory://", policy="fast")
    for name in ("date64 odd", "time32 s odd"):
        assert store.get(store.put(ARRAYS[name])).equals(ARRAYS[name])

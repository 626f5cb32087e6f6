"""CSV files and JSON lines that are stored as they are read: as if they had been read whole."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from aqueduct_core import ArtifactStore
from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations import open_integration
from aqueduct_core.integrations.files import _csv, _lines, _passes, _stream
from aqueduct_core.integrations.files._compressed import _zstd
from aqueduct_core.serializers.tables import FrameStream
from tests.integrations.files.conftest import put

BLOCK = 300  # bytes that are parsed together here
MANY = 200


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stream, "STREAMED", 1)
    monkeypatch.setattr(_csv, "_BLOCKS", (BLOCK, 1 << 20, 1 << 24))
    monkeypatch.setattr(_csv, "_SMALL", 0)
    monkeypatch.setattr(_lines, "_BLOCK", BLOCK)


def same(lake: Any, path: Any, *, streams: bool = True, **options: Any) -> Any:
    """What a store gives back, which is what reading gives."""
    spec = lake.file(path, **options)._operator.task.request
    found = lake.extract(spec, {})
    assert isinstance(found, FrameStream) == streams
    store = ArtifactStore("memory://")
    back = store.get(store.put(found, "rows"))
    assert_frame_equal(back, whole(lake, path, **options))
    return back


def whole(lake: Any, path: str, **options: Any) -> Any:
    """What reading gives; also once, in one piece, and with objects of JSON put together one by one."""
    found = lake.read(path, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_csv, "_BLOCKS", (1 << 20, 1 << 24))
        patch.setattr(_csv, "_SMALL", 1 << 20)
        patch.setattr(_passes, "_of_lines", lambda *told: None)
        assert_frame_equal(lake.read(path, **options), found)
    return found


def stored(lake: Any, spec: Any) -> Any:
    """What a store gives back of what a run extracts."""
    store = ArtifactStore("memory://")
    return store.get(store.put(lake.extract(spec, {}), "rows"))


def csv_of(first: str, last: str, name: str = "x") -> bytes:
    """A file whose last value, many blocks after the first, is another."""
    rows = [f"{number},{first}\n" for number in range(MANY)]
    return f"n,{name}\n{''.join(rows)}{MANY},{last}\n".encode()


def lines_of(*rows: Any) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


@pytest.mark.parametrize(
    ("first", "last", "kind"),
    [
        ("1", "2", "int64"),
        ("1", "", "Int64"),
        ("", "1", "Int64"),
        ("", "", "str"),
        ("1", "a", "str"),
        ("1", "007", "str"),
        ("1", "2.5", "float64"),
        ("123456789012345", "2.5", "float64"),
        ("1234567890123456", "2.5", "str"),
        ("1", "9223372036854775808", "str"),
        ("2.5", "1", "float64"),
        ("2.5", "x", "str"),
        ("true", "false", "bool"),
        ("true", "True", "str"),
        ("2026-01-01", "2026-12-31", "date32[day][pyarrow]"),
        ("2026-01-01", "soon", "str"),
        ("2026-01-01", "2026-02-30", "str"),
        ("2026-01-01 10:00:00", "2026-01-01T10:00:00.5", "datetime64[us]"),
        ("2026-01-01 10:00:00", "2026-01-01 10:00:00.1234567", "datetime64[ns]"),
        ("1600-01-01 10:00:00", "2026-01-01 10:00:00.1234567", "str"),
        ("2026-01-01 10:00:00", "2026-01-01 10:00:00Z", "str"),
        ("2026-01-01 10:00:00Z", "2026-01-01 10:00:00+01:00", "datetime64[us, UTC]"),
        ("1", '""', "str"),
        ('"a,b\nc"', '"\n\r\n"', "str"),
        ('"1"', "2", "int64"),
    ],
)
def test_all_values_of_csv_decide_a_type(folder: Any, first: str, last: str, kind: str) -> None:
    put(folder, "a.csv", csv_of(first, last))
    back = same(folder, "a.csv")
    assert str(back["x"].dtype) == kind
    assert back["n"].tolist() == list(range(MANY + 1))
    put(folder, "b.csv", b"x,more\n2026-01-01,1\n")
    same(folder, "*.csv")
    same(folder, "*.csv", columns=["more", "x"])
    same(folder, "*.csv", columns=["x"], rows=[("n", ">=", MANY)])
    same(folder, "*.csv", text=["x"])
    assert set(same(folder, "a.csv", text=True)["n"]) == {str(n) for n in range(MANY + 1)}


@pytest.mark.parametrize(
    ("first", "last", "kind"),
    [
        (1, 2, "int64"),
        (1, None, "Int64"),
        (None, 1, "Int64"),
        (1, 2.5, "float64"),
        (2**53, 2.5, "float64"),
        (2.5, 2**53, "float64"),
        (1e300, 1, "float64"),
        (2**62 + 1, -(2**63), "int64"),
        ("a", "é\n\u2028\0", "str"),
        ("a", None, "str"),
        ("2026-01-01", "x", "str"),
        ("2026-01-01T10:00:00Z", "2026-01-01", "str"),
        (True, False, "bool"),
        (False, None, "boolean"),
    ],
)
def test_all_values_of_json_decide_a_type(folder: Any, first: Any, last: Any, kind: str) -> None:
    rows = [{"n": number, "x": first} for number in range(MANY)]
    put(folder, "a.jsonl", lines_of(*rows, {"x": last, "late": 1, "n": MANY}))
    back = same(folder, "a.jsonl")
    assert str(back["x"].dtype) == kind
    assert list(back) == ["n", "x", "late"]
    put(folder, "b.jsonl", lines_of({"more": "m", "late": None}, {}))
    same(folder, "*.jsonl")
    same(folder, "*.jsonl", columns=["more", "x"])
    same(folder, "*.jsonl", columns=["x"], rows=[("n", ">=", MANY)])


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (1, "a"),
        ("a", 1),
        (True, 1),
        (1, {"a": 1}),
        ([1], None),
        (None, [1]),
        (2**53 + 1, 2.5),
        (2.5, 2**53 + 1),
        (1, 2**63),
        (1.5, 2**64),
        (1, 2**200),
        ("a", "\ud800"),
    ],
)
def test_what_no_column_of_arrow_holds_is_collected(folder: Any, first: Any, last: Any) -> None:
    rows = [{"n": number, "x": first} for number in range(MANY)]
    put(folder, "a.jsonl", lines_of(*rows, {"n": MANY, "x": last}))
    found = folder.extract({"path": "a.jsonl"}, {})
    assert_frame_equal(found, folder.read("a.jsonl"))
    assert found["x"].tolist()[-1] == last or last is None
    same(folder, "a.jsonl", columns=["n"])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"n": 1', r"a\.jsonl, line 201: "),
        ("[1]", "line 201: this is no JSON object"),
        ('{"n": 1, "n": 2}', "line 201: the key 'n' is there twice"),
        ('{"n": 1}{"n": 2}', "line 201: Extra data"),
        ('{"n":\n 1}', "line 201: "),
        ('{"n": NaN}', "line 201: NaN is no JSON"),
        ('{"n": 1e999}', "line 201: the number 1e999"),
        ('{"s": "\xff"}', "can't be read as jsonl"),
        ("nothing", "line 201: "),
    ],
)
def test_what_is_no_json_is_an_error_with_its_line(folder: Any, line: str, reason: str) -> None:
    rows = lines_of(*({"n": number} for number in range(MANY)))
    put(folder, "a.jsonl", rows + line.encode("latin-1") + b"\n")
    for read in (folder.answer, folder.extract):
        with pytest.raises(IntegrationError, match=reason):
            read({"path": "a.jsonl"}, {})


def test_lines_may_end_and_be_empty_as_they_like(folder: Any) -> None:
    line = b'{"a": 1, "b": "x y z"}'
    for data in (
        b"\xef\xbb\xbf" + b"\r\n".join([line] * MANY),
        b"\n \n".join([line] * MANY),
        b"\n\n" + b"  \n\t".join([line] * MANY) + b"\n\n",
        b"\n".join([b"{}"] * MANY + [line]),
        b"\n".join([line, b'{"b": "' + b"long" * BLOCK + b'"}', line]),
    ):
        put(folder, "a.jsonl", data)
        back = same(folder, "a.jsonl")
        assert back["a"].dropna().eq(1).all()


CELLS = st.sampled_from(
    [
        *("", "0", "-0", "7", "007", "1.5", "1e5", ".5", "nan", "x", "true", "True", '""'),
        *("2026-01-01", "2026-01-01 00:00:00", "2026-01-01 00:00:00Z", '"a\n,b"', "é"),
        "1234567890123456",
    ]
)
VALUES = st.sampled_from(
    [None, 0, 1, -5, 2**53, 2**60, 0.5, 1e20, -0.0, "", "x", "2026-01-01", True, [1], {"a": 1}]
)


def lake_in(place: Path) -> Any:
    return open_integration("lake", "filesystem", {"path": str(place)})


@settings(deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=60), st.lists(CELLS, max_size=60))
def test_any_csv_is_as_if_read_whole(tmp_path_factory: Any, two: Any, one: Any) -> None:
    lake = lake_in(tmp_path_factory.mktemp("lake"))
    put(lake, "1.csv", b"a,b\n" + "".join(f"{a},{b}\n" for a, b in two).encode())
    put(lake, "2.csv", b"b,c\n" + "".join(f"{b},x\n" for b in one).encode())
    found = lake.extract({"path": "*.csv"}, {})
    store = ArtifactStore("memory://")
    assert_frame_equal(store.get(store.put(found, "rows")), whole(lake, "*.csv"))


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), max_size=40))
def test_any_json_lines_are_as_if_read_whole(tmp_path_factory: Any, rows: Any) -> None:
    lake = lake_in(tmp_path_factory.mktemp("lake"))
    put(lake, "1.jsonl", lines_of(*rows))
    found = lake.extract({"path": "1.jsonl"}, {})
    store = ArtifactStore("memory://")
    assert_frame_equal(store.get(store.put(found, "rows")), whole(lake, "1.jsonl"))


@pytest.mark.parametrize("kind", ["filesystem", "s3", "gcs"])
def test_partitions_of_compressed_files_everywhere(make: Any, kind: str) -> None:
    lake = make(kind)
    rows = lines_of(*({"n": number, "x": "text"} for number in range(MANY)))
    for pack, suffix in (
        (gzip.compress, "gz"),
        (bz2.compress, "bz2"),
        (lzma.compress, "xz"),
        (_zstd().compress, "zst"),
    ):
        # Several parts in one file are what parallel compressors and appending make.
        data = csv_of("1.5", "2")
        put(lake, f"c/kind={suffix}/year=2026/a.csv.{suffix}", pack(data[:999]) + pack(data[999:]))
        put(
            lake, f"l/kind={suffix}/year=2026/a.jsonl.{suffix}", pack(rows[:999]) + pack(rows[999:])
        )
    for path in ("c/", "l/"):
        assert len(same(lake, path)) >= 4 * MANY
        some = same(lake, path, columns=["kind", "n"], rows=[("year", "==", 2026), ("n", "<", 2)])
        assert some["kind"].tolist() == ["bz2"] * 2 + ["gz"] * 2 + ["xz"] * 2 + ["zst"] * 2
        assert set(same(lake, path, columns=["year"])["year"]) == {2026}
        none = same(lake, path, streams=False, rows=[("n", "<", 0)])
        assert none["n"].dtype == "int64"


@pytest.mark.parametrize("is_kept", [True, False])
@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b'a,b\n1,"x\n2,y\n', 2),
        (b'a,b\n1,"x', 2),
        (b'a,b\n1,"x""\n', 2),
        (b'a,b\n"1\n","x""y"\n2,"', 4),
        (b'a,"b\n1,2\n', 1),
        (b'"a', 1),
        (b'\xef\xbb\xbf"a\n1\n', 1),
        (b'a\r\n1\r\n"2\r\n', 3),
        (b'a,b\n1,5"\n2,"x\n3,y\n', 3),
        (b'a,b\n1,5"\n2,"""x""\n3,""', 3),
        (csv_of("1", '"x'), MANY + 2),
        (csv_of('5" pipe', '"x'), MANY + 2),
        (csv_of("1", '6"') + b'5,"' + b'a""' * (1 << 19) + b"end\n", MANY + 3),
        (csv_of('"1"', "2") + b'5,"' + b"long\n" * BLOCK, MANY + 3),
        (csv_of("1", "2") + b'5,"' + b'a""' * (1 << 19) + b'b"\n"6",7\n8,"', MANY + 5),
    ],
)
def test_a_quote_that_nothing_closes_is_an_error_with_its_line(
    folder: Any, monkeypatch: pytest.MonkeyPatch, data: bytes, line: int, is_kept: bool
) -> None:
    monkeypatch.setattr(_csv, "_SMALL", is_kept and 1 << 24)
    put(folder, "a.csv", data)
    put(folder, "b.csv", data.replace(b",", b";"))
    put(folder, "c.csv.gz", gzip.compress(data))
    for path, options in (("a.csv", {}), ("b.csv", {"delimiter": ";"}), ("c.csv.gz", {})):
        spec = folder.file(path, text=True, **options)._operator.task.request
        for call in (lambda: folder.read(path, **options), lambda: stored(folder, spec)):  # noqa: B023 - called at once
            with pytest.raises(IntegrationError, match=f"{path}, line {line}: nothing closes"):
                call()


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_quote_within_a_value_is_a_character(
    folder: Any, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    monkeypatch.setattr(_csv, "_SMALL", is_kept and 1 << 24)
    put(folder, "a.csv", csv_of("1", 'a 5" pipe') + b'201,"x"y"\n202,"5"" and\n 6"""\n')
    assert folder.read("a.csv")["x"].tolist()[-3:] == ['a 5" pipe', 'xy"', '5" and\n 6"']


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_between_the_passes_a_file_may_be_appended_to_but_not_changed(
    folder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file = tmp_path / "lake" / name
    data = csv_of("1", "2") if name == "a.csv" else lines_of(*[{"n": 1}] * MANY)

    def between(change: bytes) -> Any:
        file.write_bytes(data)
        for module in (_csv, _lines):
            made: Any = module.scan

            def scan(*told: Any, made: Any = made, **more: Any) -> Any:
                found = made(*told, **more)
                file.write_bytes(change)
                return found

            monkeypatch.setattr(module, "scan", scan)
        found = folder.extract({"path": name}, {})
        monkeypatch.undo()
        store = ArtifactStore("memory://")
        return store.get(store.put(found, "rows"))

    monkeypatch.setattr(_stream, "STREAMED", 1)
    assert len(between(data + b"more,and\n")) == data.count(b"\n") - (name == "a.csv")
    monkeypatch.setattr(_stream, "STREAMED", 1)
    monkeypatch.setattr(_csv, "_SMALL", 0)
    with pytest.raises(IntegrationError, match=f"{name} was changed while it was read"):
        between(data.replace(b"1", b"3"))


def test_columns_that_no_file_has(folder: Any) -> None:
    put(folder, "year=1/a.csv", csv_of("1", "2"))
    put(folder, "year=1/a.jsonl", lines_of(*[{"n": 1}] * MANY))
    for path in ("**/*.csv", "**/*.jsonl"):
        for options in ({"columns": ["z"]}, {"rows": [("z", "==", 1)]}):
            spec = folder.file(path, **options)._operator.task.request
            for read in (folder.answer, folder.extract):
                with pytest.raises(IntegrationError, match="there is no column 'z'"):
                    read(spec, {})
        spec = folder.file(path, rows=[("n", "==", "text")])._operator.task.request
        for read in (folder.answer, folder.extract):
            with pytest.raises(IntegrationError, match="rows can't be chosen"):
                read(spec, {})
    put(folder, "year=1/b.csv", b"year\n1\n")
    put(folder, "year=1/b.jsonl", b'{"year": 1}\n')
    for path in ("**/*.csv", "**/*.jsonl"):
        with pytest.raises(IntegrationError, match="'year' is in the file, and in the name"):
            folder.extract({"path": path}, {})


def test_a_row_may_be_longer_than_what_is_parsed_together(folder: Any) -> None:
    long = "x\n" * BLOCK
    put(folder, "a.csv", csv_of("1", "2") + f'7,"{long}"\n8,9\n'.encode())
    back = same(folder, "a.csv")
    assert back["x"].tolist()[-2:] == [long, "9"]
    assert same(folder, "a.csv", text=True)["x"].tolist() == back["x"].tolist()
    assert back["n"].tolist() == [*range(MANY + 1), 7, 8]

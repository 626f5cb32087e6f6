"""Files as people and programs really leave them in folders."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from aqueduct_core import ArtifactStore
from aqueduct_core.errors import GraphError, IntegrationError
from aqueduct_core.integrations.files import _stream
from aqueduct_core.integrations.files._compressed import _zstd
from tests.integrations.files.conftest import put


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def read(lake: Any, path: Any, **options: Any) -> Any:
    """What is read, and what a run that takes it for large stores as well."""
    found = lake.read(path, **options)
    spec = lake.file(path, **options)._operator.task.request
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stream, "STREAMED", 1)
        store = ArtifactStore("memory://")
        assert_frame_equal(store.get(store.put(lake.extract(spec, {}), "rows")), found)
    return found


@pytest.mark.parametrize(
    ("name", "data", "rows"),
    [
        ("bom.csv", b"\xef\xbb\xbfid,x\r\n1,a\r\n", [[1, "a"]]),
        ("old mac.csv", b"id,x\r1,a\r2,b\r", [[1, "a"], [2, "b"]]),
        ("no end.csv", b"id,x\n1,a", [[1, "a"]]),
        ("quoted.csv", b'id,x\n1,"a\r\nb ""c"""\n2,"d,e"\n', [[1, 'a\r\nb "c"'], [2, "d,e"]]),
        ("header.csv", b"id,x\n", []),
        ("header without end.csv", b"id,x", []),
        ("blank lines.csv", b"\n\nid,x\n\n1,a\n\n\n", [[1, "a"]]),
        ("nul.csv", b"id,x\n1,a\0b\n", [[1, "a\0b"]]),
        ("Größe #1 50%25+?.csv", b"id,x\n1,a\n", [[1, "a"]]),
        ("UPPER.CSV.GZ", gzipped(b"id,x\n1,a\n"), [[1, "a"]]),
        ("not compressed.csv.gz", b"id,x\n1,a\n", [[1, "a"]]),
        ("compressed.csv", gzipped(b"id,x\n1,a\n"), [[1, "a"]]),
        ("another way.csv.gz", _zstd().compress(b"id,x\n1,a\n"), [[1, "a"]]),
        ("BZh.csv.bz2", b"BZhours,x\n1,a\n", [[1, "a"]]),
        ("compressed.jsonl", gzipped(b'{"id": 1, "x": "a"}\n'), [[1, "a"]]),
        ("long.csv", b'id,x\n1,"' + b"y" * 3_000_000 + b'"\n', [[1, "y" * 3_000_000]]),
        ("long.jsonl", b'{"id": 1, "x": "' + b"y" * 3_000_000 + b'"}\n', [[1, "y" * 3_000_000]]),
    ],
)
def test_a_file_is_read_as_it_is_meant(folder: Any, name: str, data: bytes, rows: Any) -> None:
    put(folder, name, data)
    found = read(folder, name)
    assert found.to_numpy().tolist() == rows
    assert folder.files() == [name]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.csv", b"", "is empty"),
        ("empty.csv.gz", gzipped(b""), "is empty"),
        ("cut.csv.gz", gzipped(b"id,x\n1,a\n" * 99)[:-9], "ended before the end"),
        ("damaged.csv.gz", gzipped(b"id\n")[:-6] + b"\1\2\3\4\5\6", "CRC check failed"),
        ("latin.csv", "id,x\n1,é\n".encode("latin-1"), r'no UTF-8[\s\S]*encoding="latin-1"'),
        ("latin.jsonl", '{"x": "é"}\n'.encode("latin-1"), r'no UTF-8[\s\S]*encoding="latin-1"'),
        ("wide.csv", "id,x\n1,é\n".encode("utf-16"), r'UTF-16[\s\S]*encoding="utf-16"'),
        ("excel.csv", b"id;x\n1;a\n", r"no comma in its first line[\s\S]*delimiter=';'"),
        ("commas.tsv", b"id,x\n1,a\n", r"no tab in its first line[\s\S]*delimiter=','"),
        ("ragged.csv", b"id,x\n1\n", "Expected 2 columns, got 1"),
        ("twice.csv", b"id,id\n1,2\n", "'id' is there twice"),
        ("document.jsonl", b'[{"a": 1}]', 'format="json"'),
    ],
)
def test_what_can_not_be_read_says_why(folder: Any, name: str, data: bytes, reason: str) -> None:
    put(folder, name, data)
    for look in (folder.answer, folder.extract):
        with pytest.raises(IntegrationError, match=rf"lake: {name}[\s\S]*{reason}"):
            look({"path": name}, {})


def test_lines_that_are_called_a_document_are_told_how_to_be_read(folder: Any) -> None:
    put(folder, "a.json", b'{"a": 1}\n{"a": 2}\n')
    with pytest.raises(IntegrationError, match=r'more than one document[\s\S]*format="jsonl"'):
        folder.read("a.json")
    assert read(folder, "a.json", format="jsonl")["a"].tolist() == [1, 2]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-8-sig"])
def test_text_of_other_encodings(folder: Any, encoding: str) -> None:
    table = "id;x\r\n1;é\r\n" * 1 + "2;ü\r\n" * 40_000
    put(folder, "a.csv", table.encode(encoding))
    put(folder, "b.csv.gz", gzipped(table.encode(encoding)))
    found = read(folder, "*.csv*", encoding=encoding, delimiter=";")
    assert found["x"].tolist() == (["é"] + ["ü"] * 40_000) * 2
    assert found["id"].dtype == "int64"
    put(folder, "a.txt", "é".encode(encoding))
    assert folder.read("a.txt", encoding=encoding) == "é"
    put(folder, "a.json", '{"é": 1}'.encode(encoding))
    assert folder.read("a.json", encoding=encoding) == {"é": 1}
    put(folder, "a.jsonl", '{"é": 1}\n{"é": 2}\n'.encode(encoding))
    assert read(folder, "a.jsonl", encoding=encoding)["é"].tolist() == [1, 2]


def test_options_that_do_not_fit_are_refused(folder: Any) -> None:
    put(folder, "a.csv", b"id\n1\n")
    put(folder, "a.txt", b"id\n")
    for option, value in (
        ("encoding", "nothing"),
        ("encoding", "hex"),
        ("delimiter", ""),
        ("delimiter", ";;"),
        ("delimiter", "é"),
        ("columns", ["id", "id"]),
        ("text", ["id", "id"]),
    ):
        with pytest.raises(GraphError, match=option):
            folder.file("a.csv", **{option: value})
    with pytest.raises(IntegrationError, match="bytes files have no encoding"):
        folder.read("a.csv", format="bytes", encoding="latin-1")
    with pytest.raises(IntegrationError, match="text files have no delimiter"):
        folder.read("a.txt", delimiter=";")
    for look in (folder.answer, folder.extract):
        with pytest.raises(IntegrationError, match="there is no column 'ID'"):
            look({"path": "a.csv", "text": ["ID"]}, {})
    with pytest.raises(IntegrationError, match="list of paths is empty"):
        folder.read([])


def test_files_of_a_pattern_may_differ(folder: Any) -> None:
    put(folder, "1.csv", b"id,x\n1,2\n")
    put(folder, "2.csv", b"")
    put(folder, "3.csv", b"x,more,id\n5,a,6\n")
    put(folder, "4.csv", b"id,x\n")
    found = read(folder, "*.csv")
    assert found.astype(object).where(found.notna(), None).to_numpy().tolist() == [
        [1, 2, None],
        [6, 5, "a"],
    ]
    assert read(folder, "*.csv", columns=["more", "id"])["id"].tolist() == [1, 6]
    put(folder, "1.jsonl", b'{"id": 1}\n')
    put(folder, "2.jsonl", b"")
    put(folder, "3.jsonl", b'{"x": "a", "id": 6}')
    assert read(folder, "*.jsonl")["id"].tolist() == [1, 6]


def test_names_that_are_hidden_can_be_asked_for(folder: Any) -> None:
    for name in ("a.csv", "_a.csv", ".a.csv", "_b/a.csv"):
        put(folder, name, b"id\n1\n")
    assert folder.files() == ["a.csv"]
    assert folder.files("_*.csv") == ["_a.csv"]
    assert folder.files(".*") == [".a.csv"]
    assert folder.files("**/_*") == ["_a.csv"]
    assert folder.files("_b/*") == ["_b/a.csv"]
    assert folder.files(".a.csv") == [".a.csv"]


def test_a_path_that_is_nearly_right_is_named(folder: Any) -> None:
    put(folder, "sales/2026.csv", b"id\n1\n")
    for number in range(9):
        put(folder, f"a/{number}", b"")
    with pytest.raises(IntegrationError, match=r"no file 'Sales/2026.csv'[\s\S]*'sales/2026.csv'"):
        folder.read("Sales/2026.csv")


@pytest.mark.parametrize("path", [None, 5, Path("a.csv"), [5]])
def test_what_is_no_path_is_refused(folder: Any, path: Any) -> None:
    with pytest.raises(IntegrationError, match="a path is a str"):
        folder.read(path)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "arrow"])
def test_columns_of_folders_alone(folder: Any, suffix: str) -> None:
    for year in (2025, 2026):
        with folder.transaction() as transaction:
            path = f"s/year={year}/a.{suffix}"
            value = pd.DataFrame({"id": [1, 2]})
            transaction.write(value, {"path": path}, {}, once=None)
    assert read(folder, "s/", columns=["year"])["year"].tolist() == [2025, 2025, 2026, 2026]
    found = read(folder, "s/", columns=["year"], rows=[("id", ">", 1)])
    assert found["year"].tolist() == [2025, 2026]

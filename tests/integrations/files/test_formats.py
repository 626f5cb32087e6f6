"""What formats keep, what they refuse, and what their errors name."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import lzma
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations.files import FileIntegration
from aqueduct_core.testing import assert_identical
from tests.integrations.files.conftest import put, save


def csv(folder: FileIntegration, content: str, **options: Any) -> pd.DataFrame:
    put(folder, "t.csv", content.encode())
    found: pd.DataFrame = folder.read("t.csv", **options)
    return found


@pytest.mark.parametrize(
    ("texts", "dtype", "first"),
    [
        (["1", "-20", "0"], "int64", 1),
        (["1", "", "3"], "Int64", 1),
        (["9223372036854775807"], "int64", 2**63 - 1),
        (["9223372036854775808"], "str", "9223372036854775808"),
        (["12345678901234567890", "1.5"], "str", "12345678901234567890"),
        (["007", "12"], "str", "007"),
        (["+1"], "str", "+1"),
        (["-0"], "str", "-0"),
        (["1.5", "2"], "float64", 1.5),
        ([".5", "5.", "1e-7", "nan", "-inf"], "float64", 0.5),
        (["01.5"], "str", "01.5"),
        (["1,5"], "str", "1,5"),
        (["NA", "x"], "str", "NA"),
        (["true", "false"], "bool", True),
        (["True", ""], "boolean", True),
        (["true", "False"], "str", "true"),
        (["2026-02-28"], "date32[day][pyarrow]", dt.date(2026, 2, 28)),
        (["2026-02-30"], "str", "2026-02-30"),
        (["2026-02-28 12:00:00"], "datetime64[us]", pd.Timestamp("2026-02-28 12:00:00")),
        (
            ["2026-02-28T12:00:00.123456789"],
            "datetime64[ns]",
            pd.Timestamp("2026-02-28T12:00:00.123456789"),
        ),
        (
            ["2026-02-28T12:00:00+02:00"],
            "datetime64[us, UTC]",
            pd.Timestamp("2026-02-28T10:00:00Z"),
        ),
        (["2026-02-28T12:00:00Z", "2026-02-28T12:00:00"], "str", "2026-02-28T12:00:00Z"),
        (["28.02.2026"], "str", "28.02.2026"),
    ],
)
def test_what_columns_of_csv_are(
    folder: FileIntegration, texts: list[str], dtype: str, first: Any
) -> None:
    lines = "\n".join(f'"{text}",1' if text else ",1" for text in texts)
    found = csv(folder, f"x,y\n{lines}\n")["x"]
    assert str(found.dtype) == dtype
    assert found[0] == first
    if dtype == "str":
        assert found.tolist() == texts


def test_missing_values_and_empty_text_of_csv(folder: FileIntegration) -> None:
    found = csv(folder, 'a,b\n,""\nx,y\n')
    assert found["a"].isna().tolist() == [True, False]
    assert found["b"].tolist() == ["", "y"]
    assert csv(folder, 'a\n""\n\nx\n')["a"].isna().tolist() == [False, True, False]
    assert csv(folder, "a,b\n").dtypes.astype(str).tolist() == ["str", "str"]


def test_csv_columns_stay_text_if_they_shall(folder: FileIntegration) -> None:
    text = "version,n\n1.10,1\n"
    assert csv(folder, text)["version"].tolist() == [1.1]
    assert csv(folder, text, text=["version"])["version"].tolist() == ["1.10"]
    assert csv(folder, text, text=True).values.tolist() == [["1.10", "1"]]


@pytest.mark.parametrize("line", ["a;b", "a\tb", "a|b"])
def test_other_separators_are_told_and_not_guessed(folder: FileIntegration, line: str) -> None:
    with pytest.raises(IntegrationError, match=r"t\.csv has no comma in its first line"):
        csv(folder, f"{line}\n1;2\n")
    assert csv(folder, f'"{line}"\n1;2\n').columns.tolist() == [line]


def test_csv_with_tabs_and_compressed(folder: FileIntegration) -> None:
    put(folder, "t.tsv", b"a\tb\n1\tx,y\n")
    assert folder.read("t.tsv").to_dict("list") == {"a": [1], "b": ["x,y"]}
    for suffix, compress in (("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)):
        put(folder, f"t.csv.{suffix}", compress(b"a\n1\n"))
        assert folder.read(f"t.csv.{suffix}")["a"].tolist() == [1]
    put(folder, "cut.csv.gz", gzip.compress(b"a\n1\n" * 1000)[:-20])
    with pytest.raises(IntegrationError, match=r"lake: cut\.csv\.gz can't be read as csv"):
        folder.read("cut.csv.gz")


def test_files_of_several_types_become_one_column(folder: FileIntegration) -> None:
    put(folder, "d/1.csv", b"zip,n\n123,1\n")
    put(folder, "d/2.csv", b"zip\n007\n")
    found = folder.read("d/")
    assert found["zip"].tolist() == ["123", "007"]
    assert found["n"].tolist() == [1, pd.NA]
    pq.write_table(pa.table({"x": pa.array([1], pa.int32())}), folder._place.local("1.parquet"))
    pq.write_table(pa.table({"x": pa.array([2**40])}), folder._place.local("2.parquet"))
    assert folder.read("?.parquet")["x"].tolist() == [1, 2**40]
    pq.write_table(pa.table({"x": ["a"]}), folder._place.local("3.parquet"))
    with pytest.raises(IntegrationError, match=r"'1\.parquet'.* don't fit together"):
        folder.read("?.parquet")


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "jsonl", "csv"])
def test_columns_and_rows(folder: FileIntegration, suffix: str) -> None:
    value = pd.DataFrame({"a": [1, 2, 3, 4], "b": ["x", "y", None, "y"], "c": [0.5, 1.5, 2.5, 3.5]})
    path = f"t.{suffix}"
    save(folder, path, value)

    def ids(*rows: Any) -> list[int]:
        return folder.read(path, columns=["a"], rows=list(rows))["a"].tolist()  # type: ignore[no-any-return]

    assert folder.read(path, columns=["c", "a"]).columns.tolist() == ["c", "a"]
    assert ids(("a", ">=", 2), ("b", "==", "y")) == [2, 4]
    assert ids(("b", "!=", "y")) == [1]
    assert ids(("b", "=", None)) == [3]
    assert ids(("b", "!=", None)) == [1, 2, 4]
    assert ids(("a", "in", [1, 4, 9])) == [1, 4]
    assert ids(("b", "not in", ["x"])) == [2, 4]
    assert ids([("a", "<", 2)], [("c", ">", 3)]) == [1, 4]
    assert ids(("a", ">", 99)) == []
    with pytest.raises(IntegrationError, match=rf"t\.{suffix}: there is no column 'z'[\s\S]*'a'"):
        folder.read(path, columns=["z"])
    with pytest.raises(IntegrationError, match=rf"t\.{suffix}: there is no column 'z'"):
        ids(("z", "==", 1))
    with pytest.raises(IntegrationError, match=rf"t\.{suffix}: rows can't be chosen|as {suffix}"):
        ids(("a", "==", "text"))


def test_days_and_moments_are_compared_with_text_and_objects(folder: FileIntegration) -> None:
    put(
        folder, "t.csv", b"day,at\n2026-01-01,2026-01-01T10:00:00\n2026-01-02,2026-01-02T10:00:00\n"
    )
    day = dt.date(2026, 1, 2)
    assert len(folder.read("t.csv", rows=[("day", ">=", day)])) == 1
    assert len(folder.read("t.csv", rows=[("day", "in", ["2026-01-01"])])) == 1
    assert len(folder.read("t.csv", rows=[("at", "<", dt.datetime(2026, 1, 2))])) == 1


def test_pandas_gets_back_its_index_and_dtypes(folder: FileIntegration) -> None:
    value = pd.DataFrame(
        {"x": pd.array([1, None], dtype="UInt8"), "c": pd.Categorical(["b", "a"], ["b", "a"])},
        index=pd.Index(["r", "s"], name="key"),
    )
    for path in ("t.parquet", "t.arrow"):
        save(folder, path, value)
        assert_identical(folder.read(path), value)
        assert folder.read(path, columns=["x"]).columns.tolist() == ["x"]


def test_tables_of_other_writers(folder: FileIntegration) -> None:
    table = pa.table(
        {
            "i": pa.array([2**60 + 1, None]),
            "b": pa.array([True, None]),
            "d": pa.array([Decimal("1.10"), None], pa.decimal128(10, 2)),
            "s": pa.array([{"a": 1}, None]),
            "l": pa.array([[1, None], None]),
            "t": pa.array([0, None], pa.time64("us")),
        }
    )
    pq.write_table(table, folder._place.local("t.parquet"))
    found = folder.read("t.parquet")
    assert found["i"][0] == 2**60 + 1
    assert pa.Table.from_pandas(found).cast(table.schema).to_pylist() == table.to_pylist()
    with pa.ipc.new_stream(folder._place.local("t.arrows"), table.schema) as stream:
        stream.write_table(table)
    streamed = folder.read("t.arrows", columns=["b"], rows=[("i", ">", 0)])
    assert streamed["b"].tolist() == [True]


def test_tables_of_polars_and_arrow_are_saved(folder: FileIntegration) -> None:
    frame = pl.DataFrame({"a": [1, None], "b": ["x", None]})
    for value in (frame, frame.lazy(), frame.to_arrow()):
        for path in ("t.parquet", "t.arrow", "t.csv", "t.jsonl"):
            assert save(folder, path, value)["rows"] == 2
            found = folder.read(path)
            assert found["a"].tolist() == [1, pd.NA], path
            assert found["b"].isna().tolist() == [False, True]


NAIVE = dt.datetime(2026, 1, 1)
ZONED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow"])
@pytest.mark.parametrize(
    "cells",
    [
        [1, "a"],
        [True, 1],
        ["a", b"a"],
        [NAIVE, ZONED],
        [NAIVE.date(), NAIVE],
        [(1,), [1]],
        [{"a": 1}, {"b": 2}],
        [{1}, {2}],
        [1j, 2j],
        [object(), object()],
    ],
)
def test_mixed_objects_are_refused(folder: FileIntegration, cells: list[Any], suffix: str) -> None:
    value = pd.DataFrame({"ok": range(2), "odd": pd.Series(cells, dtype=object)})
    with pytest.raises(IntegrationError, match=rf"lake: 't\.{suffix}' can't be saved as {suffix}"):
        save(folder, f"t.{suffix}", value)
    assert folder.files() == []


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("t.csv", pd.DataFrame({"x": [[1], [2]]}), r"'x', which is list"),
        ("t.csv", pd.DataFrame({"x": [b"a"]}), r"'x', which is binary"),
        ("t.csv", pd.DataFrame({"x": pd.to_timedelta([1])}), r"'x', which is duration"),
        ("t.csv", pd.DataFrame({"x": [1]}, index=["a"]), r"index.*\n.*reset_index"),
        ("t.csv", pd.DataFrame({1: [1]}), r"the column 1 is int, not text"),
        ("t.csv", pd.DataFrame([[1, 2]], columns=["a", "a"]), r"'a' is there twice"),
        ("t.csv", pd.DataFrame(index=range(3)), r"without columns"),
        ("t.csv", {"a": 1}, r"a dict is no table"),
        ("t.parquet", [1], r"a list is no table"),
        ("t.parquet", pd.DataFrame([[1, 2]], columns=["a", "a"]), r"'a' is there twice"),
        ("t.jsonl", pd.DataFrame({"x": [NAIVE]}), r"Timestamp"),
        ("t.jsonl", pd.DataFrame({"x": [float("inf")]}), r"inf"),
        ("t.jsonl", pd.DataFrame({"x": [(1,)]}), r"tuple"),
        ("t.jsonl", pd.DataFrame({1: [1]}), r"key of JSON is text"),
        ("t.jsonl", {"a": 1}, r"no rows that could be lines"),
        ("t.json", {1: 2}, r"key of JSON is text"),
        ("t.json", {"a": [1, (2,)]}, r"value\['a'\]\[1\].*tuple"),
        ("t.json", [float("nan")], r"value\[0\].*nan"),
        ("t.json", np.float64(1), r"float64"),
        ("t.json", b"x", r"bytes"),
        ("t.txt", 1, r"int is no text"),
        ("t.txt", "\ud800", r"half a character"),
        ("t.bin", "x", r"str is no bytes"),
        ("t.png", "x", r"str is no image"),
        ("t.jpg", Image.effect_noise((9, 9), 50), r"JPEG would change the pixels"),
        ("t.png", Image.new("F", (2, 2)), r"PNG can't hold an image of mode F"),
        ("t.bmp", Image.new("RGBA", (2, 2), (1, 2, 3, 4)), r"BMP"),
    ],
)
def test_what_a_format_can_not_hold_is_refused(
    folder: FileIntegration, path: str, value: Any, reason: str
) -> None:
    with pytest.raises(IntegrationError, match=rf"lake: '{path}' can't be saved as[\s\S]*{reason}"):
        save(folder, path, value)
    assert folder.files() == []


def test_an_image_that_is_unchanged_is_saved_as_its_file(folder: FileIntegration) -> None:
    buffer = BytesIO()
    Image.effect_noise((30, 20), 60).convert("RGB").save(buffer, "JPEG", quality=70)
    put(folder, "a.jpg", buffer.getvalue())
    image = folder.read("a.jpg")
    save(folder, "b.jpeg", image)
    assert bytes(folder._place.read("b.jpeg")) == buffer.getvalue()
    image.putpixel((0, 0), (0, 0, 0))
    with pytest.raises(IntegrationError, match="JPEG would change the pixels"):
        save(folder, "b.jpeg", image)
    for path in ("c.png", "c.webp", "c.tiff", "c.bmp"):
        save(folder, path, image)
        assert folder.read(path).tobytes() == image.tobytes()


def test_json_keeps_or_refuses(folder: FileIntegration) -> None:
    put(folder, "a.json", b'\xef\xbb\xbf{"n": 123456789012345678901234567890, "x": [1, 1.0]}')
    found = folder.read("a.json")
    assert found == {"n": 123456789012345678901234567890, "x": [1, 1.0]}
    assert [type(item) for item in found["x"]] == [int, float]
    for text in ('{"a": 1, "a": 2}', "[1e999]", "[NaN]", "[1", "", "\xff"):
        put(folder, "bad.json", text.encode("latin-1"))
        with pytest.raises(IntegrationError, match=r"lake: bad\.json can't be read as json"):
            folder.read("bad.json")


def test_json_lines_keep_objects(folder: FileIntegration) -> None:
    put(
        folder,
        "a.jsonl",
        b'{"a": 1, "b": {"x": [1]}}\n\n{"c": true, "a": 2.5, "b": 18446744073709551616}\n',
    )
    found = folder.read("a.jsonl")
    assert found["a"].tolist() == [1, 2.5]
    assert found["b"].tolist() == [{"x": [1]}, 2**64]
    assert found["c"].tolist() == [pd.NA, True]
    for line, reason in (
        ("[1]", "no JSON object"),
        ('{"a":', "line 2"),
        ('{"a":1,"a":2}', "twice"),
    ):
        put(folder, "bad.jsonl", f'{{"a": 1}}\n{line}\n'.encode())
        with pytest.raises(
            IntegrationError, match=rf"lake: bad\.jsonl, line 2[\s\S]*{reason}|line 2"
        ):
            folder.read("bad.jsonl")


@pytest.mark.parametrize("path", ["x.csv", "x.parquet", "x.arrow", "x.png", "x.txt", "x.jsonl"])
def test_damaged_files_are_named(folder: FileIntegration, path: str) -> None:
    put(folder, path, b"\xff\xfe\x00garbage\x80" * 5)
    with pytest.raises(IntegrationError, match=rf"lake: {path}"):
        folder.read(path)
    put(folder, path, b"")
    if path == "x.txt":
        assert folder.read(path) == ""
    elif path == "x.jsonl":
        assert not len(folder.read(path))
    else:
        with pytest.raises(IntegrationError, match=rf"lake: {path}"):
            folder.read(path)


def test_the_format_is_told_by_the_name_or_the_argument(folder: FileIntegration) -> None:
    put(folder, "DATA.CSV", b"a\n1\n")
    put(folder, "d/plain", b"a\n1\n")
    put(folder, "d/x.json", b"1")
    assert folder.read("DATA.CSV")["a"].tolist() == [1]
    with pytest.raises(IntegrationError, match=r"d/plain: the name does not say"):
        folder.read("d/plain")
    assert folder.read("d/plain", format="csv")["a"].tolist() == [1]
    assert folder.read("d/plain", format="bytes") == b"a\n1\n"
    with pytest.raises(IntegrationError, match=r"several formats.*'DATA.CSV' .csv., 'd/x.json'"):
        folder.read(["DATA.CSV", "d/x.json"])
    with pytest.raises(IntegrationError, match="no format 'xls'"):
        folder.read("d/plain", format="xls")
    with pytest.raises(IntegrationError, match="columns and rows are of tables"):
        folder.read("d/x.json", columns=["a"])
    for path, kind, reason in (
        ("a", None, "does not say what format"),
        ("a.csv", "parquet", "says csv"),
        ("a.csv.gz", None, "not compressed"),
        ("a/", "csv", "no name of a file"),
        ("a*.csv", None, "no name of a file"),
        ("a.tsv", None, "saved with commas"),
    ):
        with pytest.raises(IntegrationError, match=reason):
            save(folder, path, pd.DataFrame({"a": [1]}), kind)


def test_partitions_that_do_not_fit_are_named(folder: FileIntegration) -> None:
    put(folder, "s/year=2025/a.csv", b"x\n1\n")
    put(folder, "s/b.csv", b"x\n1\n")
    with pytest.raises(IntegrationError, match=r"s/b\.csv: no folder that it is in says 'year'"):
        folder.read("s/")
    folder.drop("s/b.csv")
    put(folder, "s/year=__HIVE_DEFAULT_PARTITION__/b.csv", b"x\n1\n")
    assert folder.read("s/")["year"].tolist() == [2025, pd.NA]
    assert folder.read("s/", rows=[("year", "==", None)])["x"].tolist() == [1]
    with pytest.raises(IntegrationError, match="'year', which is 2025, with 'x'"):
        folder.read("s/", rows=[("year", "==", "x")])
    put(folder, "s/year=2026/c.csv", b"year\n1\n")
    with pytest.raises(
        IntegrationError, match=r"'year' is in the file, and in the name of a folder"
    ):
        folder.read("s/")
    assert folder.read("s/year=2026/")["year"].tolist() == [1]


def test_a_file_that_may_not_be_read_is_named(folder: FileIntegration, tmp_path: Path) -> None:
    (tmp_path / "lake" / "loop.txt").symlink_to(tmp_path / "lake" / "loop.txt")
    with pytest.raises(IntegrationError, match=r"loop\.txt"):
        folder.read("loop.txt")

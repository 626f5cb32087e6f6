"""A look into folders and files, at a cost that doesn't depend on how much there is."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tracemalloc
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations.files import _browse
from aqueduct_core.integrations.files._browse import Glance, browse, glance, open_file
from aqueduct_core.integrations.files._compressed import _zstd
from aqueduct_core.integrations.files._local import Folder
from aqueduct_core.integrations.files._remote import Bucket

PACKED = {
    ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": _zstd().compress,
}  # fmt: skip


class Counted(Folder):
    """A folder that counts the bytes that are read of it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.taken = 0

    def open(self, path: str, size: int) -> BinaryIO:
        file: Any = super().open(path, size)
        read = file.read

        class Watched:
            def __getattr__(self, name: str) -> Any:
                return getattr(file, name)

            def __enter__(self) -> Any:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def read(watched, count: int = -1) -> bytes:
                data: bytes = read(count)
                self.taken += len(data)
                return data

        made: Any = Watched()
        opened: BinaryIO = made
        return opened

    def read(self, path: str) -> bytes:
        raise AssertionError("all of it is never read")


@pytest.fixture
def place(tmp_path: Path) -> Counted:
    return Counted(tmp_path)


@pytest.fixture
def look(tmp_path: Path, place: Counted) -> Callable[..., Glance]:
    """Writes a file and looks into it."""

    def look(name: str, data: bytes, rows: int = 3) -> Glance:
        (tmp_path / name).write_bytes(data)
        return glance("lake", place, name, rows)

    return look


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    """The same through a storage, as buckets are."""
    made = Bucket("memory://browsed", {})
    for path in ("a.csv", "sales/2026/1.csv", "sales/2026/2.csv", "sales/top.csv", "models/m.bin"):
        made._storage.put(path, b"id\n1\n")
    return made


def test_a_folder_is_listed_alone(place: Counted, tmp_path: Path) -> None:
    (tmp_path / "sales/2026").mkdir(parents=True)
    (tmp_path / "sales/2026/1.csv").write_text("id\n")
    (tmp_path / "sales/top.csv").write_text("id\n1\n")
    (tmp_path / ".aqueduct-1").write_text("being written")
    assert browse("lake", place, "").folders == ["sales/"]
    listed = browse("lake", place, "sales/")
    assert (listed.folders, listed.files) == (["sales/2026/"], [("sales/top.csv", 5)])
    assert listed.is_all
    assert browse("lake", place, "nothing/").files == []


def test_a_bucket_is_listed_as_folders(bucket: Bucket) -> None:
    root = browse("lake", bucket, "")
    assert (root.folders, root.files) == (["models/", "sales/"], [("a.csv", 5)])
    sales = browse("lake", bucket, "sales/")
    assert (sales.folders, sales.files) == (["sales/2026/"], [("sales/top.csv", 5)])


def test_a_bucket_is_not_asked_for_everything(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_browse, "_OBJECTS", 3)
    assert not browse("lake", bucket, "").is_all


@pytest.mark.parametrize("path", ["../up", "/etc/passwd", "a\\b", "~/x"])
def test_nobody_looks_outside(place: Counted, path: str) -> None:
    with pytest.raises(IntegrationError, match="leads out"):
        glance("lake", place, path, 3)
    with pytest.raises(IntegrationError, match="leads out"):
        browse("lake", place, f"{path}/")
    with pytest.raises(IntegrationError, match="leads out"):
        open_file("lake", place, path)


def test_a_link_that_leads_out_is_not_followed(place: Counted, tmp_path: Path) -> None:
    (tmp_path / "out.csv").symlink_to("/etc/hostname")
    with pytest.raises(IntegrationError, match="leads out"):
        glance("lake", place, "out.csv", 3)


def test_parquet_is_read_in_part(look: Callable[..., Glance], place: Counted) -> None:
    table = pa.table(
        {"id": range(2_000_000), "name": [f"name {n % 1000}" for n in range(2_000_000)]}
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=100_000)
    data = sink.getvalue().to_pybytes()
    found = look("big.parquet", data)
    assert found.columns == [("id", "int64"), ("name", "string")]
    assert found.rows == [["0", "name 0"], ["1", "name 1"], ["2", "name 2"]]
    assert found.count == 2_000_000
    assert place.taken < len(data) / 4


def test_arrow_begins_with_its_first_rows(look: Callable[..., Glance]) -> None:
    table = pa.table({"id": [1, 2, 3, 4], "tags": [["a"], None, [], ["b", "c"]]})
    for name, open_writer in (("f.arrow", pa.ipc.new_file), ("s.arrows", pa.ipc.new_stream)):
        sink = pa.BufferOutputStream()
        with open_writer(sink, table.schema) as writer:
            writer.write_table(table)
        found = look(name, sink.getvalue().to_pybytes())
        assert found.rows == [["1", '["a"]'], ["2", None], ["3", "[]"]]


def test_csv_is_shown_as_it_stands(look: Callable[..., Glance], place: Counted) -> None:
    found = look("a.csv", b'id,name\n007,"a, b"\n8\n9,z,more\n10,y\n')
    assert found.columns == [("id", ""), ("name", "")]
    assert found.rows == [["007", "a, b"], ["8", None], ["9", "z"]]
    assert found.is_cut
    assert look("a.tsv", b"id\tname\n1\tx\n").rows == [["1", "x"]]
    large = b"id,name\n" + b"1,one\n" * 1_000_000
    place.taken = 0
    assert look("large.csv", large).rows == [["1", "one"]] * 3
    assert place.taken < 300_000


def test_what_is_compressed_is_opened_a_little(look: Callable[..., Glance]) -> None:
    bomb = b"id,name\n" + b"1,one\n" * 3_000_000
    for suffix, pack in PACKED.items():
        data = pack(bomb)
        tracemalloc.start()
        found = look(f"bomb.csv{suffix}", data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found.rows[0] == ["1", "one"], suffix
        assert found.is_cut
        assert peak < 16 << 20 < len(bomb)


def test_how_a_file_is_compressed_is_seen_not_told(look: Callable[..., Glance]) -> None:
    for suffix, pack in PACKED.items():
        parts = pack(b"id\n1\n") + pack(b"2\n")
        for name in (f"a.csv{suffix}", "a.csv", "b.csv.gz"):
            assert look(name, parts).rows == [["1"], ["2"]]
        assert look(f"plain.csv{suffix}", b"id\n1\n").rows == [["1"]]
        with pytest.raises(IntegrationError, match="compressed as its name says"):
            look(f"a.csv{suffix}", bytes(range(255, 0, -1)))


def test_images_that_browsers_do_not_show_have_a_limit(
    look: Callable[..., Glance], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = BytesIO()
    Image.new("I;16", (30, 20), 7).save(data, "TIFF")
    assert look("a.tiff", data.getvalue()).why is None
    assert "compressed" in str(look("a.tiff.gz", gzip.compress(data.getvalue())).why)
    monkeypatch.setattr(_browse, "PIXELS", 599)
    assert "30 \u00d7 20 pixels" in str(look("a.tiff", data.getvalue()).why)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert "too large" in str(look("a.tiff", data.getvalue()).why)
    with pytest.raises(IntegrationError, match=r"a\.tif can't be read as image"):
        look("a.tif", b"II*\0damaged")


def test_lines_of_json_are_a_table(look: Callable[..., Glance]) -> None:
    found = look("a.jsonl", b'{"id": 1}\n{"id": 2, "name": "x", "more": [1]}\n')
    assert found.columns == [("id", ""), ("name", ""), ("more", "")]
    assert found.rows == [["1", None, None], ["2", "x", "[1]"]]
    assert look("b.jsonl", b"[1]\n{\n").text == "[1]\n{\n"


def test_a_document_is_a_tree_if_it_is_whole(look: Callable[..., Glance]) -> None:
    assert look("a.json", b'{"a": [1, null]}').value == {"a": [1, None]}
    assert look("b.json", b"{").why == "It is no JSON."
    assert look("c.json", b"[" * 100_000).value is None
    assert look("d.json", b"[" + b"1," * 500_000 + b"1]").is_cut


def test_text_and_bytes_are_told_apart(look: Callable[..., Glance]) -> None:
    assert look("notes.md", "# Köln\n".encode()).text == "# Köln\n"
    assert look("README", b"plain\n").text == "plain\n"
    assert look("raw.bin", bytes(range(4))).text == "0001 0203"
    assert look("empty.txt", b"").text == ""


def test_what_is_not_what_it_says_is_an_error_with_its_name(look: Callable[..., Glance]) -> None:
    for name in ("a.parquet", "a.arrow"):
        with pytest.raises(IntegrationError, match=name):
            look(name, b"this is something else")
    with pytest.raises(IntegrationError, match=r"a\.csv\.gz"):
        look("a.csv.gz", gzip.compress(b"id\n")[:10] + b"\xff" * 20)


def test_a_file_that_is_gone_is_said_to_be(place: Counted) -> None:
    assert glance("lake", place, "gone.csv", 3).why == "There is no such file any more."
    with pytest.raises(IntegrationError, match="there is no file"):
        open_file("lake", place, "gone.csv")


def test_wide_tables_are_shown_in_part(look: Callable[..., Glance]) -> None:
    frame = pd.DataFrame({f"c{n}": ["x" * 500] for n in range(100)})
    for found in (look("w.parquet", frame.to_parquet()), look("w.csv", frame.to_csv().encode())):
        assert len(found.columns) == len(found.rows[0]) == 60
        assert found.hidden in (40, 41)
        assert len(str(found.rows[0][-1])) == 200

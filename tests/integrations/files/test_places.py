"""Reading, saving and listing are the same in a folder and in every object store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations.files import FileIntegration
from aqueduct_core.testing import assert_identical
from tests.integrations.files.conftest import put, save

ODD = "Größe 1/a+b=c/50%25 (x).txt"


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": pd.array([1, None, 2**62 + 1], dtype="Int64"),
            "name": ["Zoë", "", None],
            "x": [0.1, None, -1e300],
            "when": pd.to_datetime(["2026-01-01T12:00:00.000001", None, "1999-01-01T00:00:00.0"]),
        }
    )


@pytest.mark.parametrize("kind", ["parquet", "arrow", "csv", "jsonl"])
def test_tables_come_back(lake: FileIntegration, kind: str) -> None:
    value = frame().drop(columns="when") if kind == "jsonl" else frame()
    told = save(lake, f"deep/er/t.{kind}", value)
    assert (told["path"], told["rows"]) == (f"deep/er/t.{kind}", 3)
    found = lake.read(f"deep/er/t.{kind}")
    assert_identical(found.reset_index(drop=True), value)
    assert lake.files() == [f"deep/er/t.{kind}"]


def test_single_values_come_back(lake: FileIntegration) -> None:
    image = Image.new("RGB", (3, 2), (1, 2, 3))
    values: dict[str, Any] = {
        "a.json": {"k": [1, 2.5, None, "é"]},
        "b.txt": "one\r\ntwo\n",
        "c.bin": bytes(range(256)),
        ODD: "odd",
    }
    for path, value in values.items():
        save(lake, path, value)
        assert lake.read(path) == value
    save(lake, "d.png", image)
    assert lake.read("d.png").tobytes() == image.tobytes()
    assert lake.files() == sorted([*values, "d.png"])
    lake.drop(ODD)
    lake.drop(ODD)
    assert ODD not in lake.files()


def test_patterns_lists_and_folders(lake: FileIntegration) -> None:
    for path in ("a/1.txt", "a/2.txt", "a/b/3.txt", "a/10.md", "x.txt", "a/_tmp/9.txt", "a/.h.txt"):
        save(lake, path, path)
    assert lake.files("a/*.txt") == ["a/1.txt", "a/2.txt"]
    assert lake.files("a/**/*.txt") == ["a/1.txt", "a/2.txt", "a/b/3.txt"]
    assert lake.files("a/[0-1]*") == ["a/1.txt", "a/10.md"]
    assert lake.files("a/[!1].txt") == ["a/2.txt"]
    assert lake.files("?.txt") == ["x.txt"]
    assert lake.files("a/") == ["a/1.txt", "a/10.md", "a/2.txt", "a/b/3.txt"]
    assert lake.read("a/?.txt") == {"a/1.txt": "a/1.txt", "a/2.txt": "a/2.txt"}
    assert lake.read(["x.txt", "a/b/*"]) == {"x.txt": "x.txt", "a/b/3.txt": "a/b/3.txt"}
    assert lake.read(["x.txt"]) == {"x.txt": "x.txt"}


def test_partitions_are_columns(lake: FileIntegration) -> None:
    for year in (2025, 2026):
        for country in ("DE", "a%2Fb"):
            path = f"sales/year={year}/country={country}/part.parquet"
            save(lake, path, pd.DataFrame({"id": [year, -year]}))
    put(lake, "sales/_SUCCESS", b"")
    found = lake.read("sales/", rows=[("year", ">", 2025), ("id", ">", 0)])
    assert found.to_dict("list") == {
        "id": [2026, 2026],
        "year": [2026, 2026],
        "country": ["DE", "a/b"],
    }
    either = lake.read(
        "sales/**/*.parquet",
        columns=["country", "id"],
        rows=[[("country", "==", "a/b"), ("id", "==", 2025)], [("id", "==", -2026)]],
    )
    assert either.values.tolist() == [["a/b", 2025], ["DE", -2026], ["a/b", -2026]]
    none = lake.read("sales/", rows=[("year", "==", 1999)])
    assert none.dtypes.astype(str).to_dict() == {"id": "int64", "year": "int64", "country": "str"}
    assert not len(none)


def test_saving_again_replaces_and_leaves_nothing_else(lake: FileIntegration) -> None:
    for text in ("first, and longer", "second"):
        save(lake, "note.txt", text)
        save(lake, "note.txt", text)  # as a run does that is tried again
        assert lake.read("note.txt") == text
    assert [path for path, _ in lake._place.list("")] == ["note.txt"]


def test_saves_that_fail_take_the_others_back(
    lake: FileIntegration, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(lake, "old.txt", "old")
    with pytest.raises(IntegrationError, match=r"lake: 'new\.csv' can't be saved as csv"):
        write(lake, {"old.txt": "changed", "new.csv": pd.DataFrame({"x": [[1]]})})
    assert lake.read("old.txt") == "old"
    stage = lake._place.stage

    def failing(path: str, data: Any, *, undoable: bool) -> Any:
        staged = stage(path, data, undoable=undoable)
        if path == "z/bad.txt":
            publish = staged.publish

            def fail() -> None:
                publish()
                raise OSError(28, "No space left on device")

            staged.publish = fail
        return staged

    monkeypatch.setattr(lake._place, "stage", failing)
    with pytest.raises(IntegrationError, match=r"can't save 'z/bad\.txt': No space left"):
        write(lake, {"old.txt": "changed", "new.txt": "new", "z/bad.txt": "bad"})
    assert lake.read("old.txt") == "old"
    assert [path for path, _ in lake._place.list("")] == ["old.txt"]


def write(lake: FileIntegration, values: dict[str, Any]) -> None:
    with lake.transaction() as transaction:
        for path, value in values.items():
            transaction.write(value, {"path": path}, {}, once=None)


def test_a_block_that_raises_writes_nothing(lake: FileIntegration) -> None:
    with pytest.raises(KeyError), lake.transaction() as transaction:
        transaction.write("x", {"path": "x.txt"}, {}, once=None)
        raise KeyError
    assert lake.files() == []


def test_only_what_is_wanted_is_read(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = make("s3")
    rows = 400_000
    value = pd.DataFrame({"id": range(rows), "noise": os.urandom(8 * rows)[:rows]})
    value["noise"] = pd.Series(memoryview(os.urandom(8 * rows)).cast("q").tolist())
    save(lake, "big.parquet", value)
    storage = lake._place._storage
    got, get = [], storage.get

    def counted(key: str, start: int = 0, end: int | None = None) -> Any:
        data = get(key, start, end)
        got.append(memoryview(data).nbytes)
        return data

    monkeypatch.setattr(storage, "get", counted)
    size = lake._place.size("big.parquet")
    found = lake.read("big.parquet", columns=["id"], rows=[("id", "<", 3)])
    assert found["id"].tolist() == [0, 1, 2]
    assert sum(got) < size / 2


def test_a_path_never_leads_out_of_the_root(lake: FileIntegration) -> None:
    for path in (
        *("../x.txt", "a/../../x.txt", "/etc/passwd", "..", "~/x.txt", "a\\..\\x.txt", "a//b.txt"),
        *("./x.txt", "s3://bucket/x.txt", "file:///etc/passwd", "a\0b.txt", "a\nb.txt", "", "/"),
        *("a/..", "x" * 2000),
    ):
        with pytest.raises(IntegrationError, match=r"lake: "):
            lake.read(path)
        with pytest.raises(IntegrationError, match=r"lake: "):
            save(lake, path, "text", "text")
        with pytest.raises(IntegrationError, match=r"lake: "):
            lake.drop(path)


def test_links_never_lead_out_of_a_folder(folder: FileIntegration, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    root = tmp_path / "lake"
    (root / "out").symlink_to(outside)
    (root / "link.txt").symlink_to(outside / "secret.txt")
    (root / "real.txt").write_text("fine")
    (root / "inner.txt").symlink_to(root / "real.txt")
    for path in ("out/secret.txt", "link.txt", "out/", "*.txt"):
        with pytest.raises(IntegrationError, match="leads out of"):
            folder.read(path)
    for path in ("out/new.txt", "link.txt"):
        with pytest.raises(IntegrationError, match="leads out of"):
            save(folder, path, "text")
    with pytest.raises(IntegrationError, match="leads out of"):
        folder.drop("link.txt")
    assert folder.read("inner.txt") == "fine"
    assert (outside / "secret.txt").read_text() == "secret"
    assert [item.name for item in outside.iterdir()] == ["secret.txt"]


def test_a_file_keeps_its_permissions_and_a_folder_is_no_file(
    folder: FileIntegration, tmp_path: Path
) -> None:
    save(folder, "d/a.txt", "one")
    os.chmod(tmp_path / "lake/d/a.txt", 0o640)
    save(folder, "d/a.txt", "two")
    assert (tmp_path / "lake/d/a.txt").stat().st_mode & 0o777 == 0o640
    with pytest.raises(IntegrationError, match="is a folder"):
        save(folder, "d", "three", "text")


def test_what_is_not_there_is_named(lake: FileIntegration) -> None:
    with pytest.raises(
        IntegrationError, match=r"there is no file 'no\.csv'[\s\S]*there is no file"
    ):
        lake.read("no.csv")
    save(lake, "yes.csv", pd.DataFrame({"a": [1]}))
    with pytest.raises(IntegrationError, match=r"no file matches '\*\.txt'[\s\S]*'yes\.csv'"):
        lake.read("*.txt")


def test_a_file_that_is_replaced_while_it_is_read_is_an_error(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = make("s3")
    save(lake, "t.parquet", pd.DataFrame({"a": range(1000), "b": range(1000)}))
    storage = lake._place._storage
    get = storage.get

    def replaced(*arguments: Any) -> Any:
        data = get(*arguments)
        monkeypatch.setattr(storage, "get", get)
        save(lake, "t.parquet", pd.DataFrame({"a": range(9), "b": range(9)}))
        return data

    monkeypatch.setattr(storage, "get", replaced)
    with pytest.raises(IntegrationError, match=r"'t\.parquet' was replaced while it was read"):
        lake.read("t.parquet", columns=["a"])
    assert len(lake.read("t.parquet", columns=["a"])) == 9


def test_what_killed_saves_left_goes_a_day_later_and_nothing_else_does(
    folder: FileIntegration, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    dead, fresh, other, before = (
        lake / f".aqueduct-{end}" for end in ("0" * 16, "1" * 16, "notes", f"{'2' * 16}.old")
    )
    for file in (dead, fresh, other, before):
        file.write_text("x")
    for file in (dead, other, before):
        os.utime(file, (0, 0))
    save(folder, "a.txt", "text")
    assert not dead.exists()
    assert fresh.exists()
    assert other.exists()
    assert before.exists()  # what a file was before; only its owner knows whether to keep it
    assert folder.files() == ["a.txt"]

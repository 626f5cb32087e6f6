"""Files in workflows: read when they run, saved at their end, secrets left behind nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.dag import GenericArtifact, TableArtifact
from aqueduct_core.errors import GraphError, IntegrationError, OperatorError
from tests.integrations.files.conftest import s3_config
from tests.servers import S3Server


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[aq.Client]:
    monkeypatch.delenv("AQUEDUCT_DATABASE", raising=False)
    with aq.Client(home=tmp_path / "home") as client:
        yield client


@pytest.fixture
def folder(client: aq.Client, tmp_path: Path) -> Any:
    (tmp_path / "lake").mkdir()
    return client.connect_integration("lake", "filesystem", path=tmp_path / "lake")


@aq.op
def total(table: pd.DataFrame) -> pd.DataFrame:
    return table.groupby("country", as_index=False)["amount"].sum()


@aq.check(severity="error")
def positive(table: pd.DataFrame) -> bool:
    return bool((table["amount"] > 0).all())


def test_a_published_workflow_reads_and_saves(client: aq.Client, s3_server: S3Server) -> None:
    lake = client.connect_integration("lake", "s3", **s3_config(s3_server))
    for year in (2025, 2026):
        write(lake, f"sales/year={year}/1.csv", f"country,amount\nUS,{year}\nDE,1\n")
    since = client.create_param("since", 2026)
    sales = lake.file("sales/", format="csv", rows=[("year", ">=", since)], name="sales")
    sums = total(sales)
    positive(sums)
    lake.save(sums, path="out/totals.parquet")
    flow = client.publish_flow("Sales", sums, quiet=True)
    assert flow.latest().status == "succeeded"
    assert lake.read("out/totals.parquet")["amount"].tolist() == [1, 2026]
    run = flow.trigger({"since": 2025}, quiet=True)
    assert run.status == "succeeded"
    assert lake.read("out/totals.parquet")["amount"].tolist() == [2, 4051]
    assert flow.saved() == [("lake", "out/totals.parquet")]

    write(lake, "sales/year=2026/1.csv", "country,amount\nUS,-5\n")
    run = flow.trigger(quiet=True)
    assert run.status == "failed"
    assert lake.read("out/totals.parquet")["amount"].tolist() == [2, 4051]

    done = client.delete_flow("Sales", saved_objects="all")
    assert done.dropped == (("lake", "out/totals.parquet"),)
    assert "out/totals.parquet" not in lake.files()


def test_values_are_computed_here_and_now(folder: Any) -> None:
    write(folder, "a.csv", "country,amount\nUS,1\n")
    write(folder, "note.txt", "text")
    table = folder.file("a.csv")
    assert isinstance(table, TableArtifact)
    assert total(table).get()["amount"].tolist() == [1]
    assert isinstance(folder.file("note.txt"), GenericArtifact)
    assert folder.file("note.txt").get() == "text"
    assert folder.file("*.txt").get() == {"note.txt": "text"}
    with pytest.raises(OperatorError, match=r"lake: there is no file 'no\.csv'"):
        folder.file("no.csv").get()


def test_an_artifact_tells_the_path(client: aq.Client, folder: Any, tmp_path: Path) -> None:
    write(folder, "in/US.csv", "country,amount\nUS,1\n")
    write(folder, "in/DE.csv", "country,amount\nDE,2\n")

    @aq.op
    def place(country: str, kind: str) -> str:
        return f"{kind}/{country}.csv"

    country = client.create_param("country", "US")
    sums = total(folder.file(place(country, "in"), name="sales"))
    folder.save(sums, path=place(country, "out"))
    flow = client.publish_flow("By country", sums, quiet=True)
    flow.trigger({"country": "DE"}, quiet=True)
    assert folder.files("out/") == ["out/DE.csv", "out/US.csv"]
    run = flow.trigger({"country": "../../x"}, quiet=True)
    assert run.status == "failed"
    assert "leads out of the root" in str(run.error("sales"))
    assert not (tmp_path / "x.csv").exists()


def test_a_format_that_can_not_hold_the_value_fails_the_save(
    client: aq.Client, folder: Any
) -> None:
    @aq.op
    def nested() -> pd.DataFrame:
        return pd.DataFrame({"x": [[1], [2]]})

    made = nested()
    folder.save(made, path="fine.parquet")
    folder.save(made, path="bad.csv")
    flow = client.publish_flow("Nested", made, quiet=True)
    assert flow.latest().status == "failed"
    assert "CSV can't hold the column 'x'" in str(flow.latest().error("save bad.csv"))
    assert folder.files() == []


def test_what_can_not_be_is_refused_in_the_script(folder: Any) -> None:
    table = folder.file("a.csv")
    for call, reason in (
        (lambda: folder.file("../a.csv"), "leads out"),
        (lambda: folder.file(["a.csv", "/b.csv"]), "leads out"),
        (lambda: folder.file([]), "takes a path"),
        (lambda: folder.file(3), "takes a path"),
        (lambda: folder.file("a.csv", format="xls"), "no format 'xls'"),
        (lambda: folder.file("a.csv", columns="id"), "are no names"),
        (lambda: folder.file("a.csv", rows=[]), "no conditions"),
        (lambda: folder.file("a.csv", rows="id > 3"), "no conditions"),
        (lambda: folder.file("a.csv", rows=[("id", "~", 3)]), "no operator '~'"),
        (lambda: folder.file("a.csv", rows=[("id", "in", 3)]), "take a list"),
        (lambda: folder.file("a.csv", rows=[("id", "==", [3])]), "take a list"),
        (lambda: folder.file("a.csv", rows=[("id", "<", None)]), "None goes with"),
        (lambda: folder.file("a.csv", rows=[("id", "<", object())]), "can't be written down"),
        (lambda: folder.file("a.csv", rows=[("id", 3)]), "no condition"),
        (lambda: folder.save(table, path="x"), "what format"),
        (lambda: folder.save(table, path="../x.csv"), "leads out"),
        (lambda: folder.save(table, path="x.csv", format="json"), "says csv"),
        (lambda: folder.save(1, path="x.csv"), "takes an artifact"),
    ):
        with pytest.raises(GraphError, match=reason):
            call()


def test_two_saves_to_one_file_are_refused(folder: Any) -> None:
    with (
        pytest.raises(IntegrationError, match=r"two saves of this run write to 'x\.txt'"),
        folder.transaction() as transaction,
    ):
        transaction.write("a", {"path": "x.txt"}, {}, once=None)
        transaction.write("b", {"path": "x.txt"}, {}, once=None)


def write(lake: Any, path: str, text: str) -> None:
    with lake.transaction() as transaction:
        transaction.write(text, {"path": path, "format": "text"}, {}, once=None)

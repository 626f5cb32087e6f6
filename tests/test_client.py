"""The embedded client: its folder, integrations, versions and runs."""

from __future__ import annotations

import multiprocessing
import os
import stat
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.errors import (
    GraphError,
    NotFoundError,
    ParameterError,
    SignatureError,
    UnsafeArtifactError,
    UnsupportedError,
)

CHURN = Path(__file__).parents[1] / "../shared/data/tables/customer_churn.csv"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AQUEDUCT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@aq.op
def one() -> int:
    return 1


class Model:
    """Something that only pickle can keep."""

    def __init__(self) -> None:
        self.weight = {1}


def test_the_folder_is_the_users_own(home: Path) -> None:
    client = aq.Client()
    assert client.home == str(home)
    assert stat.S_IMODE((home / "signing.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    key = (home / "signing.key").read_text()
    assert len(bytes.fromhex(key)) == 32
    aq.Client()
    assert (home / "signing.key").read_text() == key


def key_of(home: str) -> bytes:
    from aqueduct_core.client._home import Home

    return Home(home).signing_key()


def test_programs_that_start_at_once_agree_on_the_key(home: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert len(set(pool.map(key_of, [str(home)] * 4))) == 1
    assert not list(home.glob(".draft-*"))


def test_a_damaged_key_is_told(home: Path) -> None:
    aq.Client()
    (home / "signing.key").write_text("xyz")
    with pytest.raises(SignatureError, match="does not hold a signing key"):
        aq.Client()


def test_objects_load_only_where_they_were_signed(home: Path, tmp_path: Path) -> None:
    make = aq.op(name="model")(Model)
    run = aq.Client().publish_flow("flow", make(), quiet=True).latest()
    found = run.artifact("model")
    assert found.get().weight == {1}
    with pytest.raises(UnsafeArtifactError):
        aq.ArtifactStore(home / "artifacts").get(found.ref)


def test_integrations_are_kept(home: Path, tmp_path: Path) -> None:
    client = aq.Client()
    made = client.connect_integration("prod/database é", "sqlite", path=tmp_path / "w.db")
    assert client.integration("prod/database é") is made
    other = aq.Client()
    assert list(other.integrations()) == ["prod/database é"]
    assert other.integration("prod/database é").path == tmp_path / "w.db"
    files = list((home / "integrations").iterdir())
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600]
    other.delete_integration("prod/database é")
    assert other.integrations() == {}
    with pytest.raises(NotFoundError, match=r"no integration 'nope'[\s\S]*connect_integration"):
        other.integration("nope")
    with pytest.raises(ParameterError, match="name of an integration"):
        client.connect_integration("", "sqlite", path=tmp_path / "w.db")


def test_what_this_release_does_not_have(home: Path) -> None:
    with pytest.raises(UnsupportedError, match="no server"):
        aq.Client("key", "http://localhost:8080")
    client = aq.Client()
    with pytest.raises(UnsupportedError, match="kind 'postgres'"):
        client.connect_integration("db", "postgres", host="x")
    with pytest.raises(UnsupportedError, match="engine 'airflow_cluster'"):
        client.publish_flow("flow", one(), engine="airflow_cluster")
    assert client.flows() == []


@pytest.mark.parametrize("artifacts", [[], [1], None])
def test_only_artifacts_are_published(home: Path, artifacts: object) -> None:
    with pytest.raises((GraphError, TypeError)):
        aq.Client().publish_flow("flow", artifacts)
    with pytest.raises(GraphError, match="needs a name"):
        aq.Client().publish_flow(" ", one())


def test_publishing_the_same_again_makes_no_new_version(home: Path) -> None:
    client = aq.Client()
    first = client.publish_flow("flow", one(), quiet=True)
    before = first.version
    second = client.publish_flow("flow", one(), quiet=True, engine="local")
    assert second.version == before
    assert [run.version for run in second.runs()] == [before["digest"]] * 2
    client.publish_flow("flow", one(), quiet=True, description="changed")
    assert second.version["digest"] != before["digest"]
    assert len(second.runs()) == 3
    assert second.latest().id == second.runs()[0].id > second.runs()[1].id


def test_runs_are_read_by_other_programs(home: Path) -> None:
    run = aq.Client().publish_flow("flow", one(), quiet=True).latest()
    client = aq.Client()
    assert [flow.name for flow in client.flows()] == ["flow"]
    again = client.flow("flow").run(run.id)
    assert (again.status, again.artifact("one").get()) == ("succeeded", 1)
    assert again.seconds is not None
    assert "description" not in again.artifact("one").preview()
    with pytest.raises(NotFoundError, match="no workflow 'nope'"):
        client.flow("nope")
    with pytest.raises(NotFoundError, match="no run 'nope'"):
        client.flow("flow").run("nope")
    with pytest.raises(NotFoundError, match=r"no artifact 'nope'[\s\S]*'one'"):
        again.artifact("nope")
    with pytest.raises(NotFoundError, match=r"no operator 'nope'[\s\S]*'one'"):
        again.error("nope")


def test_a_workflow_can_wait(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client = aq.Client()
    table = client.connect_integration("w", "sqlite", path=home / "w.db").table("t")
    client.integration("w").save(table, table_name="copy")
    flow = client.publish_flow("flow", table, run_now=False, schedule=aq.daily(hour=8))
    assert flow.runs() == []
    with pytest.raises(NotFoundError, match="has not run yet"):
        flow.latest()
    assert flow.version["spec"]["schedule"] == {
        "kind": "daily",
        "hour": 8,
        "minute": 0,
        "timezone": "UTC",
    }
    told = capsys.readouterr().err
    assert "no scheduler" in told
    assert "'copy' has mode='fail'" in told


def test_a_run_that_is_interrupted_says_so(home: Path) -> None:
    @aq.op
    def interrupted() -> None:
        raise KeyboardInterrupt

    client = aq.Client()
    with pytest.raises(KeyboardInterrupt):
        client.publish_flow("flow", interrupted())
    assert client.flow("flow").latest().status == "canceled"


@pytest.mark.skipif(not CHURN.is_file(), reason="the table of customers is not on this machine")
def test_the_reference_script(home: Path, tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    features = ["tenure", "MonthlyCharges"]
    table = pd.read_csv(CHURN)
    table["location"] = ["US", "CH"] * (len(table) // 2) + ["US"] * (len(table) % 2)
    model = LogisticRegression().fit(table[features], table["Churn"] == "Yes")
    setup = aq.Client().connect_integration("prod_database", "sqlite", path=tmp_path / "w.db")
    with setup.transaction() as transaction:
        transaction.save(table, "customers", "fail")

    client = aq.Client()
    warehouse = client.integration("prod_database")
    customers = warehouse.sql("SELECT * FROM customers WHERE location = 'US'")

    @aq.op
    def predict(df: pd.DataFrame) -> pd.DataFrame:
        df["score"] = model.predict_proba(df[features])[:, 1]
        return df

    predictions = predict(customers)
    warehouse.save(predictions, table_name="predictions")
    flow = client.publish_flow(
        name="Customer Churn", artifacts=[predictions], schedule=aq.daily(hour=8)
    )

    run = flow.latest()
    assert run.status == "succeeded", run.errors()
    expected = table[table["location"] == "US"].reset_index(drop=True)
    pd.testing.assert_frame_equal(run.artifact("prod_database query").get(), expected)
    expected["score"] = model.predict_proba(expected[features])[:, 1]
    pd.testing.assert_frame_equal(run.artifact("predict").get(), expected)
    pd.testing.assert_frame_equal(warehouse.table("predictions").get(), expected)
    assert run.artifact("predict").type == "table"
    assert run.artifact("predict").preview()["rows"] == len(expected)


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_the_key_is_never_readable_by_others(home: Path) -> None:
    old = os.umask(0)
    try:
        aq.Client()
    finally:
        os.umask(old)
    assert stat.S_IMODE((home / "signing.key").stat().st_mode) == 0o600


def test_the_example_runs(home: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    rows = range(60)
    table = pd.DataFrame(
        {
            "tenure": rows,
            "MonthlyCharges": [20.5 + row for row in rows],
            "SeniorCitizen": [row % 2 for row in rows],
            "Churn": ["Yes" if row < 20 else "No" for row in rows],
        }
    )
    table.to_csv(tmp_path / "customers.csv", index=False)
    script = Path(__file__).parents[1] / "examples" / "churn.py"
    command = [sys.executable, "-W", "error", str(script), str(tmp_path / "customers.csv")]
    out = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(script.parents[1])},
    )
    assert out.returncode == 0, out.stderr
    run = aq.Client().flow("Customer Churn").latest()
    assert run.status == "succeeded"
    assert 0.3 < run.metrics()["average_score"] < 0.4

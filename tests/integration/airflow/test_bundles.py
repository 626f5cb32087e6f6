"""DAG files in a git repository, of which Airflow knows the versions; and runs that take too long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

import aqueduct_core as aq
from aqueduct_core.engines.airflow._names import file_name
from tests.integration.airflow.clients import connected, publish
from tests.integration.airflow.repository import BRANCH, FOLDER, git
from tests.integration.airflow.runs import Airflow
from tests.integration.airflow.settings import Address

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]


@pytest.fixture
def in_git(address: Address, tmp_path: Path) -> Iterator[aq.Client]:
    """A client whose DAG files go into the repository."""
    dags = f"git+file://{address.repository}#{BRANCH}:{FOLDER}"
    with connected(address, tmp_path / "home", dags=dags) as client:
        yield client


def test_versions_are_commits_and_old_runs_stay_with_theirs(
    in_git: aq.Client, airflow: Airflow, address: Address, name: str
) -> None:
    @aq.op
    def number() -> int:
        return 1

    @aq.op
    def double(value: int) -> int:
        return value * 2

    @aq.op
    def triple(value: int) -> int:
        return value * 3

    repository = Path(address.repository)

    def commit() -> str:
        return git(repository, "rev-parse", BRANCH)

    flow = publish(in_git, name, double(number()))
    first, run = commit(), airflow.trigger(in_git, flow)
    assert run.wait() == "success", run.tasks()
    assert run.value("double") == 2
    assert run.known["bundle_version"] == first

    flow = publish(in_git, name, triple(number()))
    assert commit() != first
    later = airflow.trigger(in_git, flow)
    assert later.wait() == "success", later.tasks()
    assert later.value("triple") == 3
    assert later.known["bundle_version"] == commit()

    run.clear("double")
    assert run.wait() == "success", run.tasks()
    assert set(run.tasks()) == {"number", "double"}
    again = run.result("double")
    assert again is not None
    assert (again.attempt, run.value("double")) == (2, 2)
    list(in_git._session.clusters.look())
    versions = [item.digest for item in flow.versions()]
    assert sorted(item.version for item in flow.runs()) == sorted(versions)

    in_git.delete_flow(name)
    files = git(repository, "ls-tree", "-r", "--name-only", BRANCH).splitlines()
    assert f"{FOLDER}/{file_name(flow.name, flow.id)}" not in files


def test_somebody_is_told_of_a_run_that_takes_too_long(
    client: aq.Client, airflow: Airflow, address: Address, name: str, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    module = f"alerts_{token_hex(4)}"
    code = f"def late(context):\n    open({str(told)!r}, 'w').write(context['dag_run']['dag_id'])\n"
    Path(address.modules, f"{module}.py").write_text(code)

    @aq.op(engine_options={"deadline": 1, "on_deadline_callback": f"{module}:late"})
    def wait(file: str) -> None:
        for _ in range(1_500):
            if Path(file).exists() and Path(file).read_text():
                return
            time.sleep(0.2)
        raise TimeoutError

    flow = publish(client, name, wait(str(told)))
    run = airflow.trigger(client, flow)
    assert run.wait() == "success", run.log("wait")
    assert told.read_text() == run.dag

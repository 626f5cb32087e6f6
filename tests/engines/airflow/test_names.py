"""Names that Airflow, and every storage, takes."""

from __future__ import annotations

import keyword
import re

from hypothesis import example, given
from hypothesis import strategies as st

from aqueduct_core.dag import flow_id
from aqueduct_core.engines.airflow._names import (
    dag_id,
    file_name,
    identifiers,
    run_key,
    task_ids,
)
from aqueduct_core.store import ArtifactStore

texts = st.text(min_size=1)


@given(texts)
@example("\U0001d400 bold")  # a letter of mathematics, which has no small one
def test_dags_have_names_that_airflow_takes(name: str) -> None:
    found = dag_id(name, flow_id(name))
    assert re.fullmatch(r"[a-z0-9_-]{9,120}", found)
    assert file_name(name, flow_id(name)) == f"{found}.py"


def test_workflows_whose_names_are_alike_have_dags_of_their_own() -> None:
    names = ["Customer Churn", "customer churn", "customer_churn", "Customer  Churn"]
    assert len({dag_id(name, flow_id(name)) for name in names}) == 4
    assert dag_id(names[0], flow_id(names[0])).startswith("customer_churn_")


@given(st.lists(texts, unique=True))
def test_tasks_and_variables_are_told_apart(names: list[str]) -> None:
    ids = task_ids(names)
    assert [*ids] == names
    assert len(set(ids.values())) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", task) for task in ids.values())
    variables = identifiers(ids.values(), ["dag"])
    assert len(set(variables.values())) == len(names)
    assert all(name.isidentifier() and not keyword.iskeyword(name) for name in variables.values())
    assert "dag" not in variables.values()


@given(st.text("abz019_.~:+-", min_size=1, max_size=250))
def test_run_keys_are_legal_and_tell_runs_apart(run_id: str) -> None:
    key = run_key(run_id)
    assert re.fullmatch(r"[A-Za-z0-9_.%-]{1,150}", key)
    assert key != run_key(run_id + "x")
    store = ArtifactStore("memory://")
    store.put(1, f"operators/id/{key}/output")
    assert store.list("operators/id/")


def test_short_run_ids_can_be_read() -> None:
    found = run_key("scheduled__2026-11-22T08:00:00+00:00")
    assert found == "scheduled__2026-11-22T08%3A00%3A00%2B00%3A00"

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Version
from aqueduct_core.runtime import Job, Result, Workspace, _cache, read_result, run_operator
from aqueduct_core.testing import Fault, FaultyStorage
from tests.runtime.flows import KEY, output, publish, run_all


@aq.op
def source(size: int) -> Any:
    return np.arange(size)


@aq.op(cache=True)
def slow(values: Any, factor: int) -> Any:
    return values * factor


def run(workspace: Workspace, version: Version, key: str, **parameters: Any) -> Result:
    results = run_all(workspace, version, key, parameters=parameters)
    assert {result.state for result in results.values()} == {"succeeded"}
    return results["slow"]


@pytest.fixture
def version(workspace: Workspace) -> Version:
    return publish(workspace.store, slow(source(3), 2))


def test_nothing_changed_nothing_is_run(workspace: Workspace, version: Version) -> None:
    first = run(workspace, version, "r1")
    again = run(workspace, version, "r2")
    assert first.cached is None
    assert again.cached == "r1"
    assert again.state == "succeeded"
    assert "run" not in again.seconds
    assert again.inputs == first.inputs
    ref = again.outputs["output"]
    assert ref.key == f"operators/{again.operator}/r2/output"
    assert ref.digest == first.outputs["output"].digest
    np.testing.assert_array_equal(output(workspace, again), [0, 2, 4])
    assert workspace.store.manifest(ref).lineage["run"] == "r1"
    assert read_result(workspace.store, again.operator, "r2") == again
    assert run(workspace, version, "r3").cached == "r1"


def test_other_inputs_or_parameters_are_run(workspace: Workspace, version: Version) -> None:
    run(workspace, version, "r1")
    assert run(workspace, version, "r2", **{"source.size": 4}).cached is None
    assert run(workspace, version, "r3", **{"slow.factor": 3}).cached is None
    assert run(workspace, version, "r4", **{"source.size": 4}).cached == "r2"
    assert run(workspace, version, "r5", **{"slow.factor": 3}).cached == "r3"


def test_a_number_is_not_its_text_nor_its_truth(workspace: Workspace, version: Version) -> None:
    keys = ["1", 1, 1.0, True]
    found = [run(workspace, version, f"r{i}", **{"slow.factor": 2, "source.size": 3}) for i in "ab"]
    assert [result.cached for result in found] == [None, "ra"]

    @aq.op(cache=True)
    def echo(value: Any) -> Any:
        return value

    other = publish(workspace.store, echo(0))
    for number, value in enumerate(keys):
        result = run_all(workspace, other, f"e{number}", parameters={"echo.value": value})["echo"]
        assert result.cached is None
        assert type(output(workspace, result)) is type(value)


def test_parameters_that_are_artifacts_count_by_their_content(workspace: Workspace) -> None:
    version = publish(workspace.store, slow(np.arange(3), 2))
    [name] = [key for key in version.spec.parameters if key.endswith("values")]
    same = workspace.store.put(np.arange(3), "elsewhere")
    other = workspace.store.put(np.arange(4), "other")

    def started(key: str, ref: Any = None) -> Result:
        values = {} if ref is None else {name: {"artifact": ref.serialize()}}
        return run_operator(workspace, Job(version, "slow", key, 1, values))

    assert started("r1").cached is None
    assert started("r2", same).cached == "r1"
    assert started("r3", other).cached is None


def test_a_published_change_runs_what_changed(workspace: Workspace, version: Version) -> None:
    run(workspace, version, "r1")

    def changed(function: Callable[..., Any], **settings: Any) -> Version:
        operator = aq.to_operator(function, name="slow", cache=True, **settings)
        return publish(workspace.store, operator(source(3), 2))

    unchanged = publish(workspace.store, slow(source(3), 2), slow(source(9), 7))
    assert run_all(workspace, unchanged, "r2")["slow"].cached == "r1"

    def other(values: Any, factor: int) -> Any:
        return values * factor * 1

    assert run(workspace, changed(other), "r3").cached is None
    assert run(workspace, changed(slow.local, requirements=["numpy"]), "r4").cached is None
    assert run(workspace, changed(slow.local, timeout=60.0), "r5").cached == "r1"


def test_another_python_runs_again(
    workspace: Workspace, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(version, "slow", "r1")
    run(workspace, version, "r1")
    before = _cache.cache_key(workspace, job)
    monkeypatch.setattr(_cache.sys, "version_info", (3, 99, 0))
    assert _cache.cache_key(workspace, job) != before


def test_only_operators_that_ask_for_it_are_remembered(workspace: Workspace) -> None:
    version = publish(workspace.store, source(3))
    run_all(workspace, version)
    assert [*workspace.store.storage.list("cache/")] == []


def test_failures_are_not_remembered(workspace: Workspace) -> None:
    @aq.op(cache=True)
    def fails() -> int:
        raise ValueError

    version = publish(workspace.store, fails())
    assert run_all(workspace, version)["fails"].state == "failed"
    assert run_all(workspace, version, "r2")["fails"].state == "failed"
    assert [*workspace.store.storage.list("cache/")] == []


def test_what_is_deleted_is_computed_again(workspace: Workspace, version: Version) -> None:
    first = run(workspace, version, "r1")
    workspace.store.delete(first.outputs["output"].key)
    assert run(workspace, version, "r2").cached is None
    assert run(workspace, version, "r3").cached == "r2"


def test_copies_outlive_the_run_that_made_them(workspace: Workspace, version: Version) -> None:
    first = run(workspace, version, "r1")
    assert run(workspace, version, "r2").cached == "r1"
    workspace.store.delete(first.outputs["output"].key)
    assert run(workspace, version, "r3").cached == "r1"


def test_what_is_damaged_is_computed_again(workspace: Workspace, tmp_path: Path) -> None:
    version = publish(workspace.store, slow(source(100_000), 2))
    run(workspace, version, "r1")
    for part in (tmp_path / "store" / "parts").rglob("*.*"):
        part.write_bytes(b"damaged" + part.read_bytes()[7:])
    result = run_all(workspace, version, "r2")["slow"]
    assert result.cached is None
    assert output(workspace, result)[-1] == 2 * 99_999


@pytest.mark.parametrize("entry", [b"", b"[]", b'{"run": 1}', b'{"run": "r", "outputs": {}}'])
def test_a_damaged_entry_is_computed_again(
    workspace: Workspace, version: Version, entry: bytes
) -> None:
    run(workspace, version, "r1")
    [info] = workspace.store.storage.list("cache/")
    workspace.store.storage.put(info.key, entry)
    assert run(workspace, version, "r2").cached is None
    assert run(workspace, version, "r3").cached == "r2"


def test_an_entry_names_where_its_outputs_are(workspace: Workspace, version: Version) -> None:
    first = run(workspace, version, "r1")
    [info] = workspace.store.storage.list("cache/")
    assert json.loads(bytes(workspace.store.storage.get(info.key))) == {
        "operator": first.operator,
        "run": "r1",
        "outputs": {"output": first.outputs["output"].serialize()},
    }


def test_an_entry_that_can_not_be_written_fails_nothing(
    workspace: Workspace, version: Version
) -> None:
    plan = [Fault("put", times=None, key="cache/")]
    other = replace(workspace)
    other.store.storage = FaultyStorage(workspace.store.storage, plan)
    assert run(other, version, "r1").cached is None
    assert run(other, version, "r2").cached is None


def test_an_input_that_is_not_there_is_told(workspace: Workspace, version: Version) -> None:
    result = run_operator(workspace, Job(version, "slow", "r1"))
    assert (result.state, result.reason) == ("skipped", "'source' has no result: it did not run")


def test_workers_that_work_at_once_agree(workspace: Workspace, version: Version) -> None:
    def work(number: int) -> Any:
        return output(workspace, run(workspace, version, f"r{number}")).tolist()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(24))) == [[0, 2, 4]] * 24
    assert run(workspace, version, "last").cached is not None


def test_the_key_is_the_same_in_every_process(workspace: Workspace, version: Version) -> None:
    run_all(workspace, version)
    script = f"""
from aqueduct_core.dag import Version
from aqueduct_core.runtime import _cache, Job, Workspace
from aqueduct_core.runtime._cache import cache_key
workspace = Workspace.from_json({{"store": {workspace.store.url!r}, "signing_key": {KEY.hex()!r}}})
version = Version.load(workspace.store, {version.flow!r}, {version.digest!r})
print(cache_key(workspace, Job(version, "slow", "r1")).path)
"""
    paths = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, check=True
        )
        paths.add(done.stdout.decode().strip())
    [info] = workspace.store.storage.list("cache/")
    assert paths == {info.key}


def test_other_columns_are_another_input(workspace: Workspace) -> None:
    table = aq.op(name="table")(lambda: pd.DataFrame({"a": [1], "b": [2]}))()
    names = aq.op(name="slow", cache=True)(lambda df: list(df.columns))
    keys = iter("123456")
    found = {}
    for columns in (("a",), ("b",), None, ("a",)):
        chosen = table if columns is None else table.select(*columns)
        result = run(workspace, publish(workspace.store, names(chosen)), next(keys))
        found.setdefault(columns, []).append((output(workspace, result), result.cached))
    assert found == {
        ("a",): [(["a"], None), (["a"], "1")],
        ("b",): [(["b"], None)],
        None: [(["a", "b"], None)],
    }

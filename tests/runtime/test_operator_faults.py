"""Operators whose storage fails, or that are run more than once."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.runtime import Job, Workspace, read_result, run_operator
from aqueduct_core.testing import Fault
from tests.runtime.flows import Faulty, add, number, publish, run_all


def test_an_older_attempt_stores_nothing_over_a_newer_one(workspace: Workspace) -> None:
    version = publish(workspace.store, number())
    newer = run_operator(workspace, Job(version, "number", "r1", attempt=2))
    older = run_operator(workspace, Job(version, "number", "r1", attempt=1))
    assert (older.state, older.reason) == ("canceled", "a later attempt came to its end before")
    assert read_result(workspace.store, newer.operator, "r1") == newer
    assert read_result(workspace.store, newer.operator, "r1", attempt=1) == older


def test_each_attempt_leaves_its_result(workspace: Workspace) -> None:
    version = publish(workspace.store, number())
    results = [
        run_operator(workspace, Job(version, "number", "r1", attempt)) for attempt in (1, 2, 3)
    ]
    operator = results[0].operator
    assert read_result(workspace.store, operator, "r1") == results[2]
    assert [read_result(workspace.store, operator, "r1", n) for n in (1, 2, 3)] == [
        *results[:2],
        None,
    ]


def test_a_full_disk_is_a_failure(faulty: Faulty) -> None:
    workspace, storage = faulty()
    version = publish(workspace.store, number())
    storage.plan[:] = [Fault.disk_full()]
    result = run_operator(workspace, Job(version, "number", "r1"))
    assert result.state == "failed"
    assert "no space left" in str(result.reason)
    assert not result.outputs
    storage.plan.clear()
    assert read_result(workspace.store, result.operator, "r1") is None


def test_a_disk_that_is_full_for_the_outputs_only_is_told_in_the_result(faulty: Faulty) -> None:
    workspace, storage = faulty()
    version = publish(workspace.store, number())
    error = Fault.disk_full().error
    storage.plan[:] = [Fault("put", times=None, key="manifests/operators", error=error)]
    result = run_operator(workspace, Job(version, "number", "r1"))
    assert (result.state, result.outputs) == ("failed", {})
    assert str(result.reason).startswith("an output can't be stored: no space left")
    assert read_result(workspace.store, result.operator, "r1") == result


def test_what_the_file_system_says_is_told_without_our_frames(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.writev

    def full(descriptor: int, buffers: Any) -> int:
        if sum(map(len, buffers)) > 100_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, buffers)

    monkeypatch.setattr(os, "writev", full)
    version = publish(workspace.store, aq.op(name="large")(lambda: os.urandom(200_000))())
    result = run_operator(workspace, Job(version, "large", "r1"))
    assert str(result.reason).startswith("an output can't be stored: no space left to store ")
    assert result.error is not None
    assert result.error.frames == ()


def test_a_storage_that_is_away_is_a_failure(faulty: Faulty) -> None:
    workspace, storage = faulty()
    version = publish(workspace.store, add(number()))
    run_operator(workspace, Job(version, "number", "r1"))
    storage.plan[:] = [Fault("get", times=None, key="manifests/operators")]
    result = run_operator(workspace, Job(version, "add", "r1"))
    assert result.state == "failed"
    assert str(result.reason).startswith("an input can't be loaded: ")


def test_a_result_that_can_not_be_written_is_a_failure(faulty: Faulty) -> None:
    workspace, storage = faulty()
    version = publish(workspace.store, number())
    storage.plan[:] = [Fault("put", times=None, key="operators/")]
    result = run_operator(workspace, Job(version, "number", "r1"))
    assert (result.state, result.outputs) == ("failed", {})
    assert str(result.reason).startswith("its result could not be written: ")


def test_what_was_stored_before_an_output_that_can_not_be_is_removed(workspace: Workspace) -> None:
    @aq.op(outputs=["good", "bad"])
    def half() -> tuple[int, Any]:
        return 1, {"deep": [0, (item for item in "ab")]}

    version = publish(workspace.store, half()[0])
    result = run_all(workspace, version)["half"]
    assert result.state == "failed"
    assert "['deep'][1]" in str(result.reason)
    assert not workspace.store.exists(f"operators/{version.ids['half']}/r1/good")

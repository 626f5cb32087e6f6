from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aqueduct_core as aq
from aqueduct_core.errors import CorruptArtifactError, FormatVersionError
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.runtime import (
    Failure,
    Frame,
    Result,
    Workspace,
    attempt_folder,
    ended,
    read_result,
    result_key,
    write_result,
)
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import Fault, FaultyStorage
from tests.runtime.flows import publish

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text("abcxyz.-_ ", min_size=1, max_size=10)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
FRAMES = st.builds(Frame, TEXT, st.integers(0), TEXT, TEXT, st.tuples(TEXT, TEXT), st.tuples(TEXT))
FAILURES: st.SearchStrategy[Failure] = st.recursive(
    st.builds(Failure, TEXT, TEXT, st.tuples(FRAMES), TEXT),
    lambda inner: st.builds(
        Failure, TEXT, TEXT, st.tuples(FRAMES), TEXT, st.tuples(inner), st.tuples(inner)
    ),
    max_leaves=3,
)
REFS = st.builds(ArtifactRef, TEXT, TEXT, TEXT, st.integers(0), TEXT, st.none() | TEXT)
RESULTS = st.builds(
    Result,
    operator=NAMES,
    name=NAMES,
    kind=st.sampled_from(["op", "metric", "check", "query", "save"]),
    run=NAMES,
    state=st.sampled_from(["succeeded", "warning", "failed", "canceled", "skipped"]),
    started=TEXT,
    seconds=st.dictionaries(NAMES, st.floats(0, 1e6)),
    outputs=st.dictionaries(NAMES, REFS, max_size=2),
    inputs=st.dictionaries(NAMES, TEXT, max_size=2),
    reason=st.none() | TEXT,
    error=st.none() | FAILURES,
    severity=st.sampled_from([None, "warning", "error"]),
    passed=st.none() | st.booleans(),
    value=st.none() | st.floats(allow_nan=False),
    detail=st.dictionaries(TEXT, JSON, max_size=2),
    environment=st.dictionaries(TEXT, JSON, max_size=2),
    attempt=st.integers(1, 5),
    peak_memory=st.none() | st.integers(0),
    logs=st.dictionaries(TEXT, TEXT, max_size=2),
    cached=st.none() | TEXT,
)


def result(attempt: int = 1, **known: Any) -> Result:
    defaults: dict[str, Any] = {"state": "succeeded", "started": "2026-01-01T00:00:00+00:00"}
    return Result(
        operator="id", name="step", kind="op", run="r1", attempt=attempt, **(defaults | known)
    )


@given(RESULTS)
def test_a_result_comes_back_from_json(found: Result) -> None:
    text = json.dumps(found.to_json(), allow_nan=False)
    assert Result.from_json(json.loads(text)) == found


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_numbers_that_json_lacks_are_kept(value: str) -> None:
    text = json.dumps(result(value=float(value)).to_json(), allow_nan=False)
    assert str(Result.from_json(json.loads(text)).value) == value


def test_fields_of_later_versions_are_ignored_and_later_formats_refused() -> None:
    document = result().to_json()
    assert Result.from_json(document | {"mood": "good"}) == result()
    with pytest.raises(FormatVersionError, match="'step' has format 99"):
        Result.from_json(document | {"format": 99})


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    return ArtifactStore("memory://" if request.param == "memory" else tmp_path)


def test_the_last_attempt_counts_and_those_before_are_kept(store: ArtifactStore) -> None:
    assert read_result(store, "id", "r1") is None
    for attempt in (1, 2, 3):
        assert write_result(store, result(attempt))
    assert read_result(store, "id", "r1") == result(3)
    assert [read_result(store, "id", "r1", n) for n in (1, 2, 3)] == [result(1), result(2), None]


def test_an_attempt_that_was_thought_dead_replaces_nothing(store: ArtifactStore) -> None:
    write_result(store, result(2))
    assert not write_result(store, result(1, state="failed"))
    assert read_result(store, "id", "r1") == result(2)
    assert read_result(store, "id", "r1", 1) == result(1, state="failed")


def test_outputs_of_an_attempt_that_was_thought_dead_go_where_the_later_one_has_none(
    store: ArtifactStore,
) -> None:
    outputs = {name: store.put(1, f"operators/id/r1/{name}") for name in ("one", "two")}
    write_result(store, result(2, outputs={"one": outputs["one"]}))
    assert not write_result(store, result(1, outputs=outputs))
    assert [name for name in outputs if store.exists(outputs[name].key)] == ["one"]


def test_an_attempt_without_a_result_leaves_none(store: ArtifactStore) -> None:
    write_result(store, result(3))
    assert [info.key for info in store.storage.list("operators/")] == [result_key("id", "r1")]


def test_what_is_no_result_is_told_and_replaced(store: ArtifactStore) -> None:
    for damaged in (b"{", b"[]", b'{"format": 1}', b'"x"', b"\xff"):
        store.storage.put(result_key("id", "r1"), damaged)
        with pytest.raises(CorruptArtifactError, match="the result of an operator"):
            read_result(store, "id", "r1")
    assert write_result(store, result())
    assert read_result(store, "id", "r1") == result()


def test_the_old_result_is_put_aside_before_the_new_one_is_there(store: ArtifactStore) -> None:
    write_result(store, result(1))
    faulty = FaultyStorage(store.storage, [Fault("put", nth=2)])
    with pytest.raises(OSError, match="injected"):
        write_result(ArtifactStore(faulty), result(2))
    assert read_result(store, "id", "r1") == result(1)
    assert read_result(store, "id", "r1", 1) == result(1)


def test_ended_gives_a_result_to_what_came_to_no_end(workspace: Workspace) -> None:
    @aq.op
    def one() -> int:
        return 1

    @aq.check(severity="warning")
    def fine(x: int) -> bool:
        return True

    value = one()
    fine(value)
    version = publish(workspace.store, value)
    found = ended(version, "one", "r1", "failed", attempt=2, reason="killed", peak_memory=5)
    assert (found.operator, found.name, found.kind) == (version.ids["one"], "one", "op")
    assert (found.state, found.attempt, found.reason) == ("failed", 2, "killed")
    assert found.peak_memory == 5
    assert found.started
    assert found.environment["host"]
    check = ended(version, "fine", "r1", "failed")
    assert (check.state, check.severity) == ("warning", "warning")
    assert ended(version, "fine", "r1", "canceled").state == "canceled"
    assert attempt_folder(found.operator, "r1", 2) == f"operators/{found.operator}/r1/attempts/2"


def test_results_and_failures_show_themselves_in_a_line() -> None:
    failure = Failure("KeyError", "'Tenure'", (Frame("models/churn.py", 15, "predict"),), "long")
    result = Result(
        operator="753da138",
        name="predict",
        kind="op",
        run="r1",
        state="failed",
        started="2026-11-30T08:00:00+00:00",
        reason="it raised KeyError: 'Tenure'",
        error=failure,
    )
    assert repr(result) == "<Result of op 'predict': failed, it raised KeyError: 'Tenure'>"
    assert repr({"predict": failure}) == (
        "{'predict': <Failure KeyError: 'Tenure' at models/churn.py:15>}"
    )

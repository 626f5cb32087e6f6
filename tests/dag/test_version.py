"""Versions: what they hold, and that they come back as they were saved."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Graph, Version, flow_id
from aqueduct_core.dag._spec import python_minor, spec_digest
from aqueduct_core.errors import (
    ArtifactNotFoundError,
    CorruptArtifactError,
    FormatVersionError,
    IncompatibleEnvironmentError,
    NotFoundError,
    UnsafeArtifactError,
    UnserializableError,
)
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.storage import open_storage
from aqueduct_core.store import ArtifactStore


@dataclass
class Settings:
    rate: float = 0.5


@aq.op
def step(x: Any, by: int = 2) -> int:
    return x * by


@aq.metric
def size(x: Any) -> int:
    return x + 1


@aq.check(severity="error")
def fine(x: Any) -> bool:
    return bool(x > 0)


@pytest.fixture
def store() -> ArtifactStore:
    return ArtifactStore("memory://", signing_key=b"key")


def graph(value: Any = 1) -> Graph:
    result = step(step(value), by=3)
    size(result)
    fine(result)
    return Graph.of([result])


def version(value: Any = 1, **options: Any) -> Version:
    return Version.of("churn", graph(value), **options)


def test_the_spec_says_what_there_is() -> None:
    found = version(schedule=aq.daily(hour=8), after="other", engine="airflow", description="D")
    assert (found.flow, found.name) == (flow_id("churn"), "churn")
    spec = found.spec
    assert (spec.engine, spec.after, spec.description) == ("airflow", "other", "D")
    assert spec.schedule == {"kind": "daily", "hour": 8, "minute": 0, "timezone": "UTC"}
    assert spec.python == python_minor()
    assert [(item.name, item.kind) for item in spec.operators.values()] == [
        ("step", "op"),
        ("step-2", "op"),
        ("size", "metric"),
        ("fine", "check"),
    ]
    assert spec.operators["fine"].severity == "error"
    second = spec.operators["step-2"]
    assert [(item.source, item.output) for item in second.inputs] == [
        ("step", "output"),
        ("step-2.by", None),
    ]
    assert {name: item.value for name, item in spec.parameters.items()} == {
        "step.x": {"value": 1},
        "step-2.by": {"value": 3},
    }
    assert found.ids.keys() == spec.operators.keys() == found.code.keys() == found.sites.keys()
    assert len({*found.ids.values()}) == 4
    assert len({*found.code.values()}) == 3
    assert found.sites["step"].startswith("dag/test_version.py:")
    assert {"python", "packages", "aqueduct_core"} <= found.metadata.keys()


def test_a_version_comes_back_as_it_was_saved(store: ArtifactStore) -> None:
    found = version()
    assert found.save(store) is True
    assert found.save(store) is False
    assert version().save(store) is False
    loaded = Version.load(store, found.flow, found.digest)
    assert loaded == found
    assert loaded.spec.operators["step"].task is loaded.spec.operators["step-2"].task
    assert pickle.loads(pickle.dumps(found)) == found
    assert loaded.save(store) is False


def test_functions_are_loaded_from_the_store(store: ArtifactStore) -> None:
    found = version()
    found.save(store)
    loaded = Version.load(store, found.flow, found.digest)
    assert loaded.function(store, "step")(2, by=5) == 10
    assert loaded.function(store, "size")(2) == 3
    assert bool(loaded.function(store, "fine")(2)) is True
    with pytest.raises(NotFoundError, match="no operator 'nope'"):
        loaded.function(store, "nope")


def test_the_location_leads_back(tmp_path: Path) -> None:
    found = version()
    for url in ("memory://", "memory://x", tmp_path.as_uri() + "/a b", "s3://bucket/flows/x"):
        storage = open_storage("memory://")
        storage.url = url
        location = found.location(ArtifactStore(storage))
        assert Version.locate(location) == (url, found.flow, found.digest)
    with pytest.raises(ValueError, match="no location"):
        Version.locate("/somewhere/else.json")


def test_a_store_on_disk_is_found_again_by_the_location(tmp_path: Path) -> None:
    found = version()
    found.save(ArtifactStore(tmp_path / "artifacts", signing_key=b"key"))
    location = found.location(ArtifactStore(tmp_path / "artifacts"))
    url, flow, digest = Version.locate(location)
    store = ArtifactStore(url, signing_key=b"key")
    assert Version.load(store, flow, digest).function(store, "step")(1, 1) == 1


CHANGES: dict[str, Callable[[], Version]] = {
    "a parameter": lambda: version(2),
    "the type of a parameter": lambda: version(True),
    "the schedule": lambda: version(schedule=aq.daily(hour=8)),
    "what it comes after": lambda: version(after="other"),
    "the engine": lambda: version(engine="airflow"),
    "the description": lambda: version(description="D"),
    "the name": lambda: Version.of("other", graph()),
    "an edge": lambda: Version.of("churn", Graph.of([step(step(1), step(3))])),
    "the severity": lambda: _with(fine, aq.check(severity="warning")(fine.local)),
    "a setting": lambda: _with(size, aq.metric(retries=1)(size.local)),
    "a requirement": lambda: _with(size, aq.metric(requirements=["pandas"])(size.local)),
    "the order": lambda: _ordered(),
}


def _with(old: Any, new: Any) -> Version:
    result = step(step(1), by=3)
    for item in (size, fine):
        (new if item is old else item)(result)
    return Version.of("churn", Graph.of([result]))


def _ordered() -> Version:
    result = step(step(1), by=3)
    number = size(result)
    fine(result).after(number)
    return Version.of("churn", Graph.of([result]))


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_makes_another_version(change: str) -> None:
    assert version().digest == version().digest
    assert CHANGES[change]().digest != version().digest


def test_a_parameter_that_json_can_not_hold_is_an_artifact(store: ArtifactStore) -> None:
    table = pd.DataFrame({"a": [1, 2]})
    found, other = version(table), version(table.copy())
    assert found.digest == other.digest
    assert version(pd.DataFrame({"a": [1, 3]})).digest != found.digest
    found.save(store)
    parameter = Version.load(store, found.flow, found.digest).spec.parameters["step.x"]
    assert parameter.type == "table"
    ref = ArtifactRef.deserialize(parameter.value["artifact"])
    assert ref.key.startswith(f"flows/{found.flow}/parameters/")
    pd.testing.assert_frame_equal(store.get(ref), table)
    assert not store.verify()


VALUES: list[Any] = [
    Settings(0.25),
    {"settings": Settings(), "table": [1]},
    {3: np.arange(5)},
    "x" * 100_000,
]


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_values_of_the_users_own_classes_are_stored_by_value(
    store: ArtifactStore, number: int
) -> None:
    value = VALUES[number]
    found = version(value)
    assert found.digest == version(value).digest
    found.save(store)
    ref = ArtifactRef.deserialize(found.spec.parameters["step.x"].value["artifact"])
    loaded = store.get(ref)
    assert str(loaded) == str(value)


def test_the_value_is_that_of_the_moment(store: ArtifactStore) -> None:
    table = pd.DataFrame({"a": [1]})
    found = version(table)
    table["a"] = 5
    found.save(store)
    ref = ArtifactRef.deserialize(found.spec.parameters["step.x"].value["artifact"])
    assert store.get(ref)["a"].tolist() == [1]


def test_presets_need_no_pickle(store: ArtifactStore) -> None:
    @aq.op
    def table() -> pd.DataFrame:
        return pd.DataFrame({"a": [1, 2]})

    handle = table()
    handle.number_of_rows()
    found = Version.of("churn", Graph.of([handle]))
    found.save(store)
    (metric,) = found.spec.of_kind("metric")
    assert metric.name not in found.code
    assert found.function(store, metric.name)(pd.DataFrame({"a": [1, 2]})) == 2


def test_another_python_is_refused_before_anything_is_loaded(store: ArtifactStore) -> None:
    found = version()
    found.save(store)
    old = replace(found, spec=replace(found.spec, python="3.8"))
    with pytest.raises(IncompatibleEnvironmentError, match=r"with Python 3\.8, and this is Python"):
        old.function(ArtifactStore("memory://"), "step")
    asks = aq.op(name="step", python="3.99")(step.local)
    with pytest.raises(IncompatibleEnvironmentError, match=r"asks for Python 3\.99"):
        Version.of("churn", Graph.of([asks(1)]))


def test_code_is_loaded_only_when_the_stores_key_signed_it() -> None:
    found = version()
    written = ArtifactStore("memory://", signing_key=b"one")
    found.save(written)
    stranger = ArtifactStore(written.storage, signing_key=b"other")
    with pytest.raises(UnsafeArtifactError):
        Version.load(stranger, found.flow, found.digest).function(stranger, "step")
    with pytest.raises(UnserializableError):
        found.save(ArtifactStore("memory://"))


def test_requirements_are_inferred_when_asked_for() -> None:
    @aq.op(requirements="infer")
    def total(x: Any) -> int:
        return int(pd.Series(x).sum())

    found = Version.of("churn", Graph.of([total([1])]))
    requirements = found.spec.operators["total"].settings.requirements
    assert requirements is not None
    assert f"pandas=={pd.__version__}" in requirements
    assert not any(item.startswith(("pytest", "aqueduct")) for item in requirements)


# What can happen to a stored version


def _edit(store: ArtifactStore, found: Version, change: Callable[[dict[str, Any]], object]) -> None:
    path = f"flows/{found.flow}/versions/{found.digest.partition(':')[2]}.json"
    record = json.loads(bytes(store.storage.get(path)))
    change(record)
    store.storage.put(path, json.dumps(record).encode())


def test_a_document_that_was_changed_is_refused(store: ArtifactStore) -> None:
    found = version()
    found.save(store)
    _edit(store, found, lambda record: record["spec"].update(engine="elsewhere"))
    with pytest.raises(CorruptArtifactError, match="was changed"):
        Version.load(store, found.flow, found.digest)


@pytest.mark.parametrize("bad", [b"", b"[]", b"{}", b"\xff", b'{"format": "1"}'])
def test_something_else_in_its_place_is_refused(store: ArtifactStore, bad: bytes) -> None:
    path = f"flows/f/versions/{'0' * 64}.json"
    store.storage.put(path, bad)
    with pytest.raises(CorruptArtifactError):
        Version.load(store, "f", f"blake3:{'0' * 64}")


def test_another_version_in_its_place_is_refused(store: ArtifactStore) -> None:
    one, other = version(), version(2)
    one.save(store)
    path = f"flows/{one.flow}/versions/{{}}.json"
    data = store.storage.get(path.format(one.digest.partition(":")[2]))
    store.storage.put(path.format(other.digest.partition(":")[2]), data)
    with pytest.raises(CorruptArtifactError, match="it holds the version"):
        Version.load(store, other.flow, other.digest)


def test_a_newer_format_is_refused_with_what_to_install(store: ArtifactStore) -> None:
    found = version()
    found.save(store)
    _edit(store, found, lambda record: record.update(format=2))
    with pytest.raises(FormatVersionError, match="install a newer"):
        Version.load(store, found.flow, found.digest)


def test_unknown_fields_are_ignored() -> None:
    found = version()

    def add(record: dict[str, Any]) -> None:
        record["new"] = 1
        record["spec"]["new"] = 1
        record["spec"]["operators"][0] |= {"new": 1}
        record["spec"]["operators"][0]["settings"] |= {"new": 1}
        record["spec"]["parameters"][0] |= {"new": 1}
        record["digest"] = spec_digest(record["spec"])

    record = found.to_json()
    add(record)
    loaded = Version.from_json(record)
    assert loaded.spec == found.spec
    assert loaded.digest == record["digest"] != found.digest


def test_what_is_not_there_is_an_error(store: ArtifactStore) -> None:
    found = version()
    with pytest.raises(NotFoundError, match="no version"):
        Version.load(store, found.flow, found.digest)
    with pytest.raises(ArtifactNotFoundError, match="the code of 'churn' is not in"):
        Version.from_json(found.to_json()).save(store)


def test_two_publishers_at_once_make_one_version(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, signing_key=b"key")
    found = [version(Settings()) for _ in range(8)]
    barrier = threading.Barrier(len(found))
    saved: list[bool] = []

    def save(each: Version) -> None:
        barrier.wait()
        saved.append(each.save(store))

    threads = [threading.Thread(target=save, args=(each,)) for each in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(saved) == 8
    assert any(saved)
    loaded = Version.load(store, found[0].flow, found[0].digest)
    assert loaded.function(store, "step")(1, 1) == 1
    ref = ArtifactRef.deserialize(loaded.spec.parameters["step.x"].value["artifact"])
    assert store.get(ref).rate == 0.5
    assert not store.verify()


def test_a_function_that_a_thousand_operators_use_is_stored_once(store: ArtifactStore) -> None:
    base = step(1)
    found = Version.of("fan", Graph.of([step(base) for _ in range(1_000)]))
    found.save(store)
    assert len({*found.code.values()}) == 1
    assert len(list(store.list(f"flows/{found.flow}/code/"))) == 1
    assert len(found.to_json()["spec"]["functions"]) == 1
    assert Version.load(store, found.flow, found.digest) == found

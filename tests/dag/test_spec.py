"""Specs: from values to JSON and back, and the digests of both."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.dag import FlowSpec, Settings, Version
from aqueduct_core.dag._pickled import PickledFunction
from aqueduct_core.dag._spec import python_minor, spec_digest
from aqueduct_core.errors import FormatVersionError
from tests.dag.specs import flow_specs
from tests.golden import spec as golden

GOLDEN = Path(golden.__file__).parent
DOCS = Path(__file__).parents[2] / "docs" / "spec.md"


@given(flow_specs())
def test_a_spec_comes_back_from_json_as_it_was(spec: FlowSpec) -> None:
    record = json.loads(json.dumps(spec.to_json()))
    found = FlowSpec.from_json(record)
    assert found == spec
    assert found.digest == spec.digest == spec_digest(record)
    assert pickle.loads(pickle.dumps(found)) == spec


@given(flow_specs(), st.randoms())
def test_the_order_of_fields_does_not_matter(spec: FlowSpec, random: Any) -> None:
    def shuffled(node: Any) -> Any:
        if isinstance(node, dict):
            items = [*node.items()]
            random.shuffle(items)
            return {name: shuffled(value) for name, value in items}
        return [shuffled(item) for item in node] if isinstance(node, list) else node

    assert spec_digest(shuffled(spec.to_json())) == spec.digest


@given(flow_specs(), flow_specs())
def test_specs_that_differ_have_digests_that_differ(one: FlowSpec, other: FlowSpec) -> None:
    assert (one.digest == other.digest) == (one.to_json() == other.to_json())


def test_settings_that_are_not_asked_for_are_not_written_down() -> None:
    assert Settings().to_json() == {}
    assert Settings(retries=2).to_json() == {"retries": 2}
    assert Settings.from_json({"retries": 2, "of tomorrow": 1}) == Settings(retries=2)


def test_consumers_and_needs() -> None:
    spec = golden.spec()
    assert spec.operators["predict"].needs == {"customers"}
    assert spec.operators["predict-2"].needs == {"predict"}
    assert spec.consumers["size"] == ("bound",)
    assert [item.name for item in spec.of_kind("check", "save")] == [
        "bound",
        "sane",
        "save predictions",
    ]
    assert spec.operators["predict"].output_name("good") == "predict.good"


def test_the_bytes_of_a_parameters_artifact_do_not_matter_its_value_does() -> None:
    spec = golden.spec()
    training = spec.parameters["training"]

    def digest(**change: Any) -> str:
        value = {**training.value, **change}
        changed = {**spec.parameters, "training": replace(training, value=value)}
        return replace(spec, parameters=changed).digest

    other = {**training.value["artifact"], "key": "elsewhere", "digest": "blake3:" + "9" * 64}
    assert digest(artifact=other) == spec.digest
    assert digest(digest="blake3:" + "9" * 64) != spec.digest


def test_a_newer_format_is_refused() -> None:
    with pytest.raises(FormatVersionError, match="format 2"):
        FlowSpec.from_json({**golden.spec().to_json(), "format": 2})


# What was written once is read for ever


def test_the_golden_version_of_format_1_is_read() -> None:
    record = json.loads((GOLDEN / "spec-1.json").read_text(encoding="utf-8"))
    found = Version.from_json(record)
    assert found == golden.version()
    assert found.to_json() == record
    assert found.spec.digest == record["digest"]
    assert found.spec.operators["predict"].settings == golden.SETTINGS


def test_the_golden_function_of_format_1_is_read() -> None:
    found = pickle.loads((GOLDEN / "function-1.pkl").read_bytes())
    assert isinstance(found, PickledFunction)
    if python_minor() == "3.11":
        assert found.load()(20) == 42


# The documentation


def _example() -> dict[str, Any]:
    found = re.search(r"```json\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    record: dict[str, Any] = json.loads(found[1])
    return record


def test_the_documented_example_is_a_version() -> None:
    record = _example()
    found = Version.from_json(record)
    assert found.to_json() == record
    assert found.spec.digest == record["digest"]


def test_every_field_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    record = golden.version().to_json()
    spec = record["spec"]
    names = {*record, *spec, *spec["operators"][1], *spec["operators"][0], *spec["functions"][0]}
    names |= {*spec["parameters"][0], *(item.name for item in fields(Settings))}
    assert not [name for name in names if f"`{name}`" not in text]

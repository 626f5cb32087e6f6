"""What two versions are told to differ in."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from hypothesis import given

import aqueduct_core as aq
from aqueduct_core.dag import FlowSpec, Graph, Version, VersionDiff, diff
from tests.dag.specs import flow_specs


def define(source: str, name: str, **names: Any) -> Any:
    """A function of some source, which no file has; the source is shown all the same."""
    import linecache

    file = f"<shown {hash(source)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    space = {"__name__": "made_here", "aq": aq, **names}
    exec(compile(source, file, "exec"), space)
    return space[name]


PREDICT = """\
def clean(x):
    return x + LIMIT

@aq.op
def predict(x, by=1):
    return clean(x) * by
"""


def predict(source: str = PREDICT, limit: float = 0.5) -> Any:
    return define(source, "predict", LIMIT=limit)


def version(*artifacts: Any, **options: Any) -> Version:
    return Version.of("churn", Graph.of([*artifacts]), **options)


def of_spec(spec: FlowSpec) -> Version:
    return Version("flow", spec.name, spec.digest, spec, {}, {})


def fields(found: VersionDiff) -> dict[str, tuple[Any, Any]]:
    """The changes of the only operator that changed."""
    (operator,) = found.changed
    return {change.field: (change.before, change.after) for change in operator.changes}


# Properties


@given(flow_specs())
def test_nothing_differs_from_itself(spec: FlowSpec) -> None:
    found = diff(of_spec(spec), of_spec(spec))
    assert not found
    assert found.text() == ""
    copy = FlowSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert not diff(of_spec(spec), of_spec(copy))


@given(flow_specs(), flow_specs())
def test_seen_from_the_other_version_it_is_the_reverse(one: FlowSpec, other: FlowSpec) -> None:
    there, back = diff(of_spec(one), of_spec(other)), diff(of_spec(other), of_spec(one))
    assert {item.name for item in there.added} == {item.name for item in back.removed}
    assert {item.name for item in there.removed} == {item.name for item in back.added}
    assert {(item.before, item.after) for item in there.changed} == {
        (item.after, item.before) for item in back.changed
    }
    assert {*map(str, there.flow)} == {str(item.reverse) for item in back.flow}
    assert len(there.parameters) == len(back.parameters)
    texts = {(text.before, text.after) for item in there.changed for text in item.texts}
    assert texts == {(text.after, text.before) for item in back.changed for text in item.texts}


@given(flow_specs(), flow_specs())
def test_versions_differ_when_their_specs_do(one: FlowSpec, other: FlowSpec) -> None:
    found = diff(of_spec(one), of_spec(other))
    if found:
        assert one.digest != other.digest
    assert bool(found) == bool(found.text())
    assert json.loads(json.dumps(found.to_json())) == found.to_json()


# What is told, and how


def test_code_helpers_and_values() -> None:
    before = version(predict()(1))
    source = PREDICT.replace("x + LIMIT", "x - LIMIT").replace("* by", "* by * 2")
    found = diff(before, version(predict(source, limit=0.7)(1)))
    assert fields(found) == {"value LIMIT": ("0.5", "0.7")}
    assert found.text() == (
        f"--- version {before.digest[7:19]}\n"
        f"+++ version {found.after[7:19]}\n"
        "~ op predict\n"
        "    value LIMIT: 0.5 -> 0.7\n"
        "    --- predict\n"
        "    +++ predict\n"
        "    @@ -1,3 +1,3 @@\n"
        "     @aq.op\n"
        "     def predict(x, by=1):\n"
        "    -    return clean(x) * by\n"
        "    +    return clean(x) * by * 2\n"
        "    --- clean\n"
        "    +++ clean\n"
        "    @@ -1,2 +1,2 @@\n"
        "     def clean(x):\n"
        "    -    return x + LIMIT\n"
        "    +    return x - LIMIT\n"
    )


def test_operators_that_are_new_or_gone_are_shown_with_their_code() -> None:
    first = define("@aq.op\ndef load():\n    return 1\n", "load")
    one, other = version(first()), version(predict()(first()))
    there, back = diff(one, other), diff(other, one)
    assert [(item.name, item.before, item.after) for item in there.added] == [
        ("predict", None, "predict")
    ]
    assert "+ op predict\n    --- /dev/null\n    +++ predict\n" in there.text()
    assert "    +    return clean(x) * by\n" in there.text()
    assert "- op predict\n    --- predict\n    +++ /dev/null\n" in back.text()
    assert not there.changed


def test_a_new_name_is_no_new_operator() -> None:
    one = predict()
    other = predict(PREDICT.replace("@aq.op", "@aq.op(name='score')"))
    total = define("@aq.metric\ndef total(x):\n    return x\n", "total")

    def flow(step: Any) -> Version:
        result = step(step(1), by=2)
        total(result)
        return version(result)

    found = diff(flow(one), flow(other))
    assert not found.added
    assert not found.removed
    assert not found.parameters
    assert [(item.before, item.after) for item in found.changed] == [
        ("predict", "score"),
        ("predict-2", "score-2"),
    ]
    assert [item.changes for item in found.changed] == [(), ()]
    assert "~ op score, which was predict\n" in found.text()


def test_edges_parameters_and_settings() -> None:
    step = predict()
    first, second = step(1), step(2)
    one = version(step(first, by=second))
    other = version(aq.op(name="predict", retries=2, timeout=60)(step.local)(step(2), by=step(1)))
    assert {"settings.retries": (0, 2), "settings.timeout": (None, 60.0)}.items() <= fields(
        diff(one, other)
    ).items()

    def crossed(left: Any, right: Any) -> Version:
        a, b = step(1), step(2)
        return version(step(*((a, b) if left == 1 else (b, a))), a, b)

    client_parameters = diff(version(step(1, by=2)), version(step(1, by=5)))
    assert [(c.field, c.before, c.after) for c in client_parameters.parameters] == [
        ("predict.by", {"value": 2}, {"value": 5})
    ]
    assert "~ parameter predict.by: 2 -> 5\n" in client_parameters.text()
    assert crossed(1, 2).digest == crossed(1, 2).digest
    edges = diff(version(step(first)), version(step(first), step(first)))
    assert [item.name for item in edges.added] == ["predict-3"]


def test_an_edge_that_leads_elsewhere() -> None:
    load = define("@aq.op(outputs=['a', 'b'])\ndef load():\n    return 1, 2\n", "load")
    step = predict()

    def flow(number: int) -> Version:
        return version(step(load()[number]))

    assert fields(diff(flow(0), flow(1))) == {"input 1": ("load.a", "load.b")}
    assert "    input 1: load.a -> load.b\n" in diff(flow(0), flow(1)).text()


def test_the_order_of_operators_that_take_nothing_from_each_other() -> None:
    load = define("@aq.op\ndef load():\n    return 1\n", "load")
    step = predict()
    one = version(load(), step(1))
    first, second = load(), step(1)
    second.after(first)
    found = diff(one, version(first, second))
    assert fields(found) == {"after": ([], ["load"])}


def test_tables_as_parameters() -> None:
    step = predict()
    one, other = (version(step(pd.DataFrame({"a": values}))) for values in ([1], [1, 2]))
    found = diff(one, other)
    (change,) = found.parameters
    assert change.field == "predict.x"
    assert "~ parameter predict.x: table of " in found.text()
    assert not diff(one, version(step(pd.DataFrame({"a": [1]}))))
    gone = diff(one, version(define("@aq.op\ndef load():\n    return 1\n", "load")()))
    assert "- parameter predict.x = table of " in gone.text()


def test_the_workflow_itself() -> None:
    step = predict()
    one = version(step(1), schedule=aq.daily(hour=8), description="Old")
    other = version(step(1), engine="airflow", after="load", description="New")
    found = diff(one, other)
    assert {change.field for change in found.flow} == {"schedule", "engine", "after", "description"}
    text = found.text()
    assert "~ schedule: every day at 08:00 UTC -> none\n" in text
    assert "~ engine: local -> airflow\n" in text
    assert "~ after: none -> load\n" in text


def test_requirements_and_severity() -> None:
    check = define("@aq.check\ndef fine(x):\n    return True\n", "fine")
    strict = aq.check(severity="error", requirements=["pandas"])(check.local)
    assert fields(diff(version(check(1)), version(strict(1)))) == {
        "severity": ("warning", "error"),
        "settings.requirements": (None, ["pandas"]),
    }


def test_the_json_form() -> None:
    found = diff(version(predict()(1)), version(predict(limit=1)(2))).to_json()
    assert found["flow"] == found["added"] == found["removed"] == []
    assert found["parameters"] == [
        {"field": "predict.x", "before": {"value": 1}, "after": {"value": 2}}
    ]
    assert found["changed"] == [
        {
            "name": "predict",
            "before": "predict",
            "after": "predict",
            "kind": "op",
            "changes": [{"field": "value LIMIT", "before": "0.5", "after": "1"}],
            "texts": [],
        }
    ]


def test_a_diff_shows_itself() -> None:
    before, after = version(predict()(1)), version(predict(PREDICT.replace("* by", "/ by < 2"))(1))
    found = diff(before, after)
    short = [item.digest.partition(":")[2][:12] for item in (before, after)]
    assert repr(found) == f"<VersionDiff {short[0]} -> {short[1]}: 1 changed>"
    assert str(found) == found.text()
    html = found._repr_html_()
    assert '<span style="color:#15803d">    +    return clean(x) / by &lt; 2</span>' in html
    assert '<span style="color:#b91c1c">    -    return clean(x) * by</span>' in html
    same = diff(before, before)
    assert repr(same) == f"<VersionDiff {short[0]} -> {short[0]}: nothing is different>"
    assert str(same) == "Nothing is different."
    assert same._repr_html_().count("<span") == 1


def test_other_columns_of_an_input_are_told() -> None:
    table = aq.op(name="table")(lambda: None)()
    step = aq.op(name="step")(lambda df: df)
    found = diff(version(step(table.select("a", "b"))), version(step(table)))
    assert fields(found) == {"input 1": ("table.output with a, b", "table.output")}

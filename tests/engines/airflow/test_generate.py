"""DAG files: what is in them, and what never is."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aqueduct_core as aq
from aqueduct_core.dag import FlowSpec, Graph, Input, OperatorSpec, ParameterSpec, Settings, Version
from aqueduct_core.engines.airflow._generate import generate
from aqueduct_core.engines.airflow._names import dag_id, version_tag
from aqueduct_core.engines.airflow._settings import Layout
from aqueduct_core.engines.airflow._steps import steps
from aqueduct_core.errors import ParameterError
from tests.dag.specs import flow_specs
from tests.engines.airflow.reading import read
from tests.engines.airflow.specs import version_of

LOCATION = f"s3://bucket/prefix/flows/{'0' * 36}/versions/{'0' * 64}.json"
WILD = [
    "a",
    'say "hi"',
    "it's",
    "line\nbreak",
    "tab\t\x00",
    "{{ braces }}",
    "class",
    "dag",
    "VERSION",
    "1st",
    "ünï çödé",
    "日本語",
    "'''",
    '"""',
    "\\",
    "\u2028",
    "\u202eright",
    "#",
    "x" * 300,
    "Predict",
    "predict",
    "predict-2",
    "predict_2",
]
wild = st.sampled_from(WILD) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def flow(*operators: OperatorSpec, **known: Any) -> Version:
    known = {"name": "flow", "parameters": {}, "python": "3.11"} | known
    return version_of(FlowSpec(operators={item.name: item for item in operators}, **known))


def operator(name: str = "one", **known: Any) -> OperatorSpec:
    return OperatorSpec(**({"name": name, "kind": "op", "task": {"digest": "x"}} | known))


def source(version: Version, **layout: Any) -> str:
    return generate(version, LOCATION, Layout(**layout))


@st.composite
def versions(draw: st.DrawFn) -> Version:
    """Versions whose operators, texts and defaults are anything."""
    spec = draw(flow_specs())
    renamed = dict(
        zip(spec.operators, draw(st.lists(wild, min_size=9, max_size=9, unique=True)), strict=False)
    )

    def told(item: OperatorSpec) -> OperatorSpec:
        is_save = item.kind == "save"
        return replace(
            item,
            name=renamed[item.name],
            description=draw(wild),
            after=tuple(renamed[name] for name in item.after),
            args=tuple(
                each if each.is_parameter else replace(each, source=renamed[each.source])
                for each in item.args
            ),
            kwargs={},
            task={"integration": draw(wild), "table": "t"} if is_save else item.task,
        )

    operators = [told(item) for item in spec.operators.values()]
    known = replace(
        spec,
        name=draw(wild),
        after=None,
        description=draw(wild),
        operators={item.name: item for item in operators},
    )
    return version_of(known)


@given(versions())
def test_any_workflow_makes_a_file_that_says_the_same(version: Version) -> None:
    text = source(version)
    assert text == source(version)
    dag = read(text)
    assert dag.known["dag_id"] == dag_id(version.name, version.flow)
    assert dag.known["dag_display_name"] == version.name
    found = steps(version.spec)
    assert [*dag.tasks] == [step.task for step in found]
    for step in found:
        task = dag.tasks[step.task]
        assert set(task.needs) == set(step.needs)
        assert len(task.needs) == len(step.needs)
        assert task.known["operator"] in step.operators
        assert task.known["uuid"] == version.ids[task.known["operator"]][:8]
        described = [version.spec.operators[name].description for name in step.operators]
        assert all(item in task.known["doc_md"] for item in described)
        assert not task.known["doc_md"].endswith(".md")
    for name, parameter in version.spec.parameters.items():
        default, schema = dag.known["params"][name]
        assert schema.get("description", "") == parameter.description
        if "artifact" in parameter.value:
            assert default is None


@given(versions())
def test_every_operator_is_in_one_task_that_comes_after_its_needs(version: Version) -> None:
    found = steps(version.spec)
    assert sorted(name for step in found for name in step.operators) == sorted(
        version.spec.operators
    )
    at = {name: step.task for step in found for name in step.operators}
    checks = [item.name for item in version.spec.of_kind("check") if item.severity == "error"]
    for step in found:
        assert step.task not in step.needs
        for name in step.operators:
            spec = version.spec.operators[name]
            waits = {*spec.needs, *(checks if spec.kind == "save" else ())}
            assert {at[other] for other in waits} - {step.task} <= set(step.needs)


def test_a_file_reads_like_one_that_somebody_wrote() -> None:
    query = operator("customers", kind="query", task={"integration": "db", "query": "SELECT 1"})
    score = operator(
        "score",
        args=(Input("customers", "output"), Input("score.factor", None)),
        description="Score each customer.",
        settings=Settings(
            retries=2,
            retry_delay=5.0,
            resources={"cpu": 2, "memory": 4_000_000_000},
            image="acme/ml:3",
            engine_options={"pool": "db", "execution_timeout": 60},
        ),
    )
    check = operator("all scored", kind="check", severity="error", args=(Input("score", "output"),))
    save = operator(
        "save scores",
        kind="save",
        task={"integration": "db", "table": "scores"},
        args=(Input("score", "output"),),
        outputs=(),
    )
    factor = ParameterSpec(name="score.factor", value={"value": 0.5}, type="numeric", implicit=True)
    version = flow(
        query,
        score,
        check,
        save,
        name="Customer Churn",
        description="Who will leave?",
        parameters={factor.name: factor},
        schedule={"kind": "daily", "hour": 8, "minute": 0, "timezone": "Europe/Zurich"},
    )
    text = source(version, connections={"db": "warehouse"}, owner="data", tags=("ml",))
    assert text.partition("from datetime")[2] == EXPECTED.format(
        location=LOCATION, tag=version_tag(version)
    )


EXPECTED = """\
 import datetime, timedelta, timezone

from aqueduct_core.engines.airflow.tasks import (
    DAG,
    AqueductOperator,
    CronTriggerTimetable,
    Param,
    pod,
)

VERSION = "{location}"

with DAG(
    dag_id="customer_churn_6d6a9d2e",
    dag_display_name="Customer Churn",
    description="Who will leave?",
    schedule=CronTriggerTimetable("0 8 * * *", timezone="Europe/Zurich"),
    start_date=datetime(2026, 11, 22, 18, 54, 51, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    tags=["aqueduct", "{tag}", "ml"],
    params={{"score.factor": Param(0.5, type=["number", "null"], section="Arguments")}},
    default_args={{
        "version": VERSION,
        "connections": {{"db": "warehouse"}},
        "store_connection": "aqueduct",
        "owner": "data",
    }},
) as dag:
    customers = AqueductOperator(task_id="customers", operator="customers", uuid="00000000")

    score = AqueductOperator(
        task_id="score",
        operator="score",
        uuid="00000001",
        retries=2,
        retry_delay=timedelta(seconds=5.0),
        pool="db",
        execution_timeout=timedelta(seconds=60),
        executor_config=pod(cpu=2, memory=4000000000, image="acme/ml:3"),
        doc_md="Score each customer.",
    )

    all_scored = AqueductOperator(
        task_id="all_scored",
        task_display_name="all scored",
        operator="all scored",
        uuid="00000002",
    )

    save_scores = AqueductOperator(
        task_id="save_scores",
        task_display_name="save scores",
        operator="save scores",
        uuid="00000003",
    )

    customers >> score
    score >> all_scored
    [score, all_scored] >> save_scores
"""


def test_saves_into_one_data_system_are_one_task() -> None:
    def save(name: str, source: str, place: str) -> OperatorSpec:
        task = {"integration": place, "table": name}
        given = (Input(source, "output"),)
        return operator(name, kind="save", task=task, args=given, outputs=())

    version = flow(
        operator("a"),
        operator("b"),
        save("save 1", "a", "db"),
        save("save 2", "b", "db"),
        save("save 3", "a", "lake"),
        save("save 4", "a", "lake"),
    )
    db, lake = steps(version.spec)[-2:]
    assert (db.task, db.operators, db.needs) == ("save_to_db", ("save 1", "save 2"), ("a", "b"))
    assert db.tolerant, "one of them may be possible when the other isn't"
    assert (lake.operators, lake.tolerant) == (("save 3", "save 4"), False)
    dag = read(source(version))
    assert dag.tasks["save_to_db"].known["trigger_rule"] == "all_done"
    assert "trigger_rule" not in dag.tasks["save_to_lake"].known


def test_a_file_holds_no_code_of_the_user() -> None:
    @aq.op
    def connect(host: str) -> str:
        return host + "written in the function"

    text = source(Version.of("flow", Graph.of([connect("example.org")])))
    assert "written in the function" not in text
    allowed = (ast.Module, ast.ImportFrom, ast.Assign, ast.With, ast.Expr)
    tree = ast.parse(text)
    assert all(isinstance(node, allowed) for node in [*tree.body, *tree.body[-1].body])


def test_what_was_due_before_a_version_was_published_is_not_run() -> None:
    start = read(source(flow(operator()))).known["start_date"]
    assert start == datetime(2026, 11, 22, 18, 54, 51, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"poool": "db"}, "no engine option 'poool'"),
        ({"pool": ""}, "engine_options['pool'] is ''"),
        ({"pool_slots": 0}, "whole number from 1"),
        ({"execution_timeout": "1h"}, "number of seconds"),
    ],
)
def test_engine_options_that_airflow_does_not_know_are_refused(
    options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        source(flow(operator(settings=Settings(engine_options=options))))
    assert told in str(caught.value)


def test_functions_that_airflow_calls_are_named_and_not_imported() -> None:
    options = {"on_failure_callback": "acme.alerts:Pager.page", "depends_on_past": True}
    text = source(flow(operator(settings=Settings(engine_options=options))))
    assert 'on_failure_callback=callback("acme.alerts:Pager.page")' in text
    assert "import acme" not in text
    known = read(text).tasks["one"].known
    assert known["on_failure_callback"] == ("acme.alerts:Pager.page", {})
    with pytest.raises(ParameterError, match="module:name"):
        source(flow(operator(settings=Settings(engine_options={"on_retry_callback": "page()"}))))


def test_deadlines_are_those_of_the_run_and_of_the_operator() -> None:
    late = {"on_deadline_callback": "acme.alerts:late"}
    some = [Settings(engine_options={"deadline": seconds, **late}) for seconds in (90, 3600, 90)]
    text = source(flow(*(operator(f"{place}", settings=it) for place, it in enumerate(some))))
    assert '**deadlines([90, "acme.alerts:late"], [3600, "acme.alerts:late"]),' in text
    dag = read(text)
    assert dag.known["deadlines"] == [[90, "acme.alerts:late"], [3600, "acme.alerts:late"]]
    assert [task.known["deadline"] for task in dag.tasks.values()] == [90, 3600, 90]
    assert "deadline" not in source(flow(operator()))


@pytest.mark.parametrize("options", [{"deadline": 60}, {"on_deadline_callback": "a:b"}])
def test_a_deadline_without_somebody_who_is_told_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="go together") as caught:
        source(flow(operator(settings=Settings(engine_options=options))))
    assert "seconds after the start of a run" in str(caught.value)


def test_a_python_of_the_cluster_runs_what_has_no_environment_of_its_own() -> None:
    own = Settings(requirements=("six",))
    named = Settings(engine_options={"interpreter": "/opt/other/bin/python"})
    version = flow(operator("a"), operator("b", settings=own), operator("c", settings=named))
    dag = read(source(version, interpreter="/opt/ml/bin/python"))
    assert dag.known["default_args"]["interpreter"] == "/opt/ml/bin/python"
    found = {name: task.known.get("interpreter", "as all") for name, task in dag.tasks.items()}
    assert found == {"a": "as all", "b": None, "c": "/opt/other/bin/python"}
    assert "interpreter" not in source(flow(operator("b", settings=own)))

"""How operators are connected, and what can't be."""

from __future__ import annotations

import inspect
import threading
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Function, GenericArtifact, Graph, Operator, Parameter, connect
from aqueduct_core.errors import GraphError


@aq.op
def step(*inputs: object) -> object:
    return inputs


@aq.check
def fine(value: object) -> bool:
    return True


def of(owner: str, name: str = "source") -> aq.Artifact:
    """What a client's query returns."""
    task = Function(step.local, "op")
    return GenericArtifact(connect(name, task, owner=owner), "output")


def parameter(name: str = "limit", owner: str | None = None) -> aq.Artifact:
    return GenericArtifact(Operator(name=name, task=Parameter(1), owner=owner), "output")


class Snapshot:
    """Looks like an artifact of a run to whoever only asks for the module and the methods."""

    __module__ = "aqueduct_core.client._run"

    def get(self) -> int:
        return 1

    def preview(self) -> None:
        return None

    def __repr__(self) -> str:
        return "<RunArtifact 'x'>"


class Front:
    __module__ = "aqueduct_core.client._client"


@pytest.mark.parametrize(
    ("call", "reason", "way_out"),
    [
        (lambda: step([step()]), "list with artifacts inside", "*args"),
        (lambda: step({"a": [(1, step())]}), "dict with artifacts inside", "*args"),
        (lambda: step({step()}), "set with artifacts inside", "*args"),
        (lambda: step(step), "is the operator 'step' itself", "step(...)"),
        (
            lambda: step(Snapshot()),
            "an artifact of a run that is over, <RunArtifact 'x'>",
            ".get()",
        ),
        (lambda: step(Front()), "is a Front, which is no value", "plain values"),
        (lambda: step(fine(step())), "the result of the check 'fine'", ".after()"),
    ],
)
def test_what_can_not_be_an_input(call, reason: str, way_out: str) -> None:
    with pytest.raises(GraphError) as caught:
        call()
    message, hint = str(caught.value).split("\nHint: ")
    assert message.startswith("step: ")
    assert reason in message
    assert "(at dag/test_operators.py:" in message
    assert way_out in hint


def test_a_list_that_contains_itself_is_a_value_like_others() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert step(endless).operator.args[0].operator.task.value is endless


def test_metrics_and_checks_may_look_at_the_results_of_checks() -> None:
    assert fine(fine(step())).operator.kind == "check"


def test_an_operator_knows_the_line_that_made_it() -> None:
    artifact = step(1)
    line = inspect.currentframe().f_lineno - 1
    assert artifact.operator.site.file == __file__
    assert artifact.operator.site.line == line
    assert artifact.operator.args[0].operator.site.line == line


class TestOwners:
    def test_what_is_made_from_a_clients_artifacts_is_that_clients(self) -> None:
        made = step(1, of("the client in /a"), step())
        assert made.operator.owner == "the client in /a"
        assert step(made).operator.owner == "the client in /a"
        assert step(1).operator.owner is None
        assert Graph.of([made]).owner == Graph.behind(made).owner == "the client in /a"

    def test_two_clients_of_one_workspace_are_one(self) -> None:
        assert step(of("the client in /a"), of("the client in /a")).operator.owner

    def test_inputs_of_two_clients_are_refused_and_both_are_named(self) -> None:
        with pytest.raises(GraphError) as caught:
            step(of("the client in /a", "one"), of("the client in /b", "two"))
        assert "'two' is of the client in /b, and 'one' is of the client in /a" in str(caught.value)
        assert "test_operators.py:" in str(caught.value)

    def test_a_clients_own_operators_take_nothing_of_another_client(self) -> None:
        task = Function(step.local, "op")
        with pytest.raises(GraphError, match=r"'source' is of /b, and it is used with /a"):
            connect("save", task, [of("/b")], owner="/a")
        with pytest.raises(GraphError, match=r"'limit' is of /b"):
            connect("query", task, kwargs={"n": parameter(owner="/b")}, owner="/a")

    def test_a_workflow_is_of_one_client(self) -> None:
        with pytest.raises(GraphError, match=r"the workflow: 'source' is of /b"):
            Graph.of([step(of("/a")), step(of("/b"))])
        with pytest.raises(GraphError, match=r"is of /b"):
            step(of("/a")).after(of("/b"))


class TestOrder:
    def test_an_operator_can_wait_for_others_without_their_data(self) -> None:
        filled, other = step(), step()
        read = step(1)
        assert read.after(filled, other) is read
        assert read.operator.after == (filled.operator, other.operator)
        assert read.operator.inputs == (read.operator.args[0],)
        read.after(filled)
        assert len(read.operator.after) == 2

    def test_what_it_waits_for_belongs_to_the_workflow(self) -> None:
        filled = step()
        fine(filled)
        read = step().after(filled)
        graph = Graph.of([read])
        assert graph.operators[0] is filled.operator
        assert [item.kind for item in graph.operators].count("check") == 1
        assert Graph.behind(read).operators == (filled.operator, read.operator)

    def test_it_can_wait_for_a_check(self) -> None:
        verdict = fine(step())
        assert step().after(verdict).operator.after == (verdict.operator,)

    def test_a_cycle_is_refused_with_its_path(self) -> None:
        first = aq.op(name="first")(step.local)()
        second = aq.op(name="second")(step.local)(first)
        third = aq.op(name="third")(step.local)().after(second)
        with pytest.raises(GraphError) as caught:
            first.after(third)
        assert "'first' can't wait for 'third', which needs it" in str(caught.value)
        assert "first -> second -> third -> first" in str(caught.value)
        assert "test_operators.py:" in str(caught.value)
        assert first.operator.after == ()

    def test_the_path_has_lines_where_names_do_not_suffice(self) -> None:
        first = step()
        second = step(first)
        with pytest.raises(GraphError, match=r"step \(.*:\d+\) -> step \(.*:\d+\) -> step \(.*\)"):
            first.after(second)

    def test_nothing_waits_for_itself(self) -> None:
        alone = step()
        with pytest.raises(GraphError, match="step -> step"):
            alone.after(alone)

    @pytest.mark.parametrize(
        ("call", "reason"),
        [
            (lambda: step().after(step), "takes artifacts, not OperatorFunction"),
            (lambda: step().after(3), "takes artifacts, not int"),
            (lambda: step().after(parameter()), "no meaning for the parameter 'limit'"),
            (lambda: parameter().after(step()), "no meaning for the parameter 'limit'"),
        ],
    )
    def test_what_nobody_can_wait_for(self, call, reason: str) -> None:
        with pytest.raises(GraphError, match=reason):
            call()

    def test_two_threads_can_not_make_a_cycle_together(self) -> None:
        for _ in range(50):
            one, two = step(), step()
            start = threading.Barrier(2)

            def wait(pair, start=start) -> bool:
                start.wait()
                try:
                    pair[0].after(pair[1])
                except GraphError:
                    return False
                return True

            with ThreadPoolExecutor(2) as pool:
                assert sorted(pool.map(wait, [(one, two), (two, one)])) == [False, True]


class TestAttaching:
    def test_the_same_call_made_again_replaces_the_first_as_in_a_notebook(self) -> None:
        base = step()
        fine(base)
        again = fine(base)
        assert list(base.operator.attached.values()) == [again.operator]

    def test_a_function_that_was_defined_again_replaces_itself(self) -> None:
        base = step()

        def define():
            @aq.check
            def valid(value: object) -> bool:
                return True

            return valid

        define()(base)
        again = define()(base)
        assert list(base.operator.attached.values()) == [again.operator]

    def test_other_arguments_are_another_call(self) -> None:
        @aq.check
        def no_nulls(df: pd.DataFrame, column: object) -> bool:
            return bool(df[column].notna().all())

        base = step()
        for column in ["a", "b", "b", 1, True, 1.0, None, ["a"], ["a"]]:
            no_nulls(base, column)
        assert len(base.operator.attached) == 7

    def test_other_functions_of_one_name_are_another_call(self) -> None:
        base = step()
        for limit in (1, 2):
            aq.check(name="few")(lambda df, limit=limit: len(df) < limit)(base)
        assert len(base.operator.attached) == 1  # the same text, as a cell that ran twice has
        aq.check(name="few")(lambda df: len(df) < 3)(base)
        aq.check(name="few")(fine.local)(base)
        assert len(base.operator.attached) == 3


def test_threads_may_build_on_shared_artifacts() -> None:
    base = step()

    def build(number: int) -> int:
        made = base
        for index in range(50):
            made = step(made, number, index)
            fine(
                base,
            )
            Graph.of([made])
        return len(Graph.behind(made).operators)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(build, range(8))) == {1 + 50 * 3}

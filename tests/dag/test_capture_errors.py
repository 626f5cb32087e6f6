"""What can't be captured: said when a workflow is published, with the way out."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Graph, Version
from aqueduct_core.dag._capture import Captures
from aqueduct_core.errors import AqueductError, GraphError, ParameterError, UnserializableError


def refused(function: Callable[..., Any], kind: type[AqueductError]) -> str:
    with pytest.raises(kind) as caught:
        Captures().of(function)
    return str(caught.value)


def define(source: str, **names: Any) -> Any:
    space = {"__name__": "made_here", **names}
    exec(source, space)
    return space["f"]


lock = threading.Lock()
settings = {"retries": 3, "guards": [threading.Lock()]}


def guarded(x: int) -> int:
    with lock:
        return x


def through_a_helper(x: int) -> int:
    return guarded(x)


def nested(x: int) -> int:
    return len(settings["guards"]) + x


def test_a_lock_is_named_with_the_way_to_it() -> None:
    text = refused(guarded, UnserializableError)
    assert text.startswith("guarded uses the global 'lock': a lock (_thread.lock) can't be stored")
    assert "Hint: make it inside of the function" in text
    text = refused(through_a_helper, UnserializableError)
    assert text.startswith(
        "through_a_helper uses the global 'guarded', which uses the global 'lock'"
    )
    assert "nested uses the global 'settings': at value['guards'][0]: a lock" in refused(
        nested, UnserializableError
    )


def test_open_things_are_named(tmp_path: Path) -> None:
    connection = sqlite3.connect(":memory:")
    try:
        text = refused(define("def f(): return db.cursor()", db=connection), UnserializableError)
    finally:
        connection.close()
    assert "f uses the global 'db': a database connection (sqlite3.Connection) can't" in text
    assert "Hint: make it inside of the function" in text
    with (tmp_path / "file").open("w") as file:
        text = refused(define("def f(): file.write('a')", file=file), UnserializableError)
    assert "f uses the global 'file': an open file" in text
    text = refused(define("def f(): return next(rows)", rows=iter({})), UnserializableError)
    assert "f uses the global 'rows': an iterator" in text
    assert "Hint: store list(value) instead" in text


def test_variables_defaults_and_attributes_are_told_apart() -> None:
    held = threading.Lock()

    def closure() -> bool:
        return held.locked()

    def default(guard: Any = held) -> bool:
        return guard.locked()

    class Holder:
        guard = held

    def through_a_class() -> bool:
        return Holder().guard.locked()

    assert "closure uses the variable 'held' of the function around it: a lock" in refused(
        closure, UnserializableError
    )
    assert "default uses the default of 'guard': a lock" in refused(default, UnserializableError)
    assert "'Holder' of the function around it, which uses the class attribute 'guard'" in refused(
        through_a_class, UnserializableError
    )


@aq.op
def clean(x: int) -> int:
    return x + 1


def calls_an_operator(x: int) -> Any:
    return clean(x)


def calls_the_plain_function(x: int) -> int:
    return clean.local(x)


@aq.op
def recursive(n: int) -> int:
    return 0 if n == 0 else 1 + recursive.local(n - 1)


def test_an_operator_inside_of_another_is_refused_and_its_plain_function_is_not() -> None:
    text = refused(calls_an_operator, GraphError)
    assert "calls_an_operator uses the global 'clean': 'clean' is an operator" in text
    assert "clean.local(...)" in text
    captures = Captures()
    assert captures.of(calls_the_plain_function).pickled.load()(1) == 2
    assert captures.of(recursive.local).pickled.load()(3) == 3


def test_what_belongs_around_a_workflow_is_refused(tmp_path: Path) -> None:
    client = aq.Client(home=tmp_path)
    warehouse = client.connect_integration("shop", "sqlite", path=str(tmp_path / "shop.db"))
    customers = warehouse.sql("SELECT 1")
    for name, value in [("client", client), ("warehouse", warehouse), ("customers", customers)]:
        text = refused(define(f"def f(): return {name}", **{name: value}), GraphError)
        assert f"f uses the global {name!r}: " in text
        assert "in the call" in text
    text = refused(define("def f(): return all_of_it", all_of_it=[customers]), GraphError)
    assert "f uses the global 'all_of_it'" in text
    store = aq.ArtifactStore("memory://", signing_key="secret")
    assert "ArtifactStore" in refused(define("def f(): return s", s=store), GraphError)


def test_an_import_that_fails_is_an_error_when_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_module_of_the_test.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    f = define("def f():\n    import broken_module_of_the_test\n    import no_such_module")
    assert "importing 'broken_module_of_the_test' fails: ZeroDivisionError" in refused(
        f, UnserializableError
    )
    # What isn't there at all may be expected: try: import ... except ImportError.
    Captures().of(define("def f():\n    import no_such_module"))


def test_the_version_says_which_parameter_can_not_be_stored() -> None:
    with pytest.raises(ParameterError, match=r"the parameter 'clean\.x' can't be stored"):
        Version.of("flow", Graph.of([clean(threading.Lock())]))

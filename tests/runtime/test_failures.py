from __future__ import annotations

import json
import linecache
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.runtime import (
    Failure,
    Result,
    Workspace,
    describe_exit,
    exited,
    killed_by,
    read_result,
    timed_out,
)
from tests.runtime.flows import publish, run_all, run_one


def failed(workspace: Workspace, function: Callable[..., Any], *args: Any) -> Result:
    result = run_one(workspace, aq.to_operator(function)(*args))
    assert read_result(workspace.store, result.operator, "r1") == result
    return result


def helper(divisor: int) -> float:
    before = 1
    # the next line fails
    value = before / divisor
    value += 1
    return value


def test_the_users_frames_come_first_and_show_the_failing_line(workspace: Workspace) -> None:
    def ratio() -> float:
        return helper(0)

    result = failed(workspace, ratio)
    error = result.error
    assert error is not None
    assert (result.state, result.reason) == (
        "failed",
        "it raised ZeroDivisionError: division by zero",
    )
    assert [frame.function for frame in error.frames] == ["ratio", "helper"]
    inner = error.frames[-1]
    assert inner.code == "value = before / divisor"
    assert inner.before == ("    before = 1", "    # the next line fails")
    assert inner.after == ("    value += 1", "    return value")
    assert error.site == f"runtime/test_failures.py:{inner.line}"
    assert error.traceback.startswith('Traceback (most recent call last):\n  File "')
    assert "aqueduct_core/runtime" not in error.traceback
    assert "division by zero" in str(error)


def test_the_source_is_shown_as_it_was_published(workspace: Workspace, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("def fails():\n    x = 'old line'\n    raise ValueError(x)\n")
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(script.read_text(), str(script), "exec"), space)
    version = publish(workspace.store, aq.to_operator(space["fails"])())
    script.write_text("def fails():\n    nothing = 'of this'\n    return 1\n")
    linecache.clearcache()  # as in a process that has just started
    error = run_all(workspace, version)["fails"].error
    assert error is not None
    assert error.frames[-1].code == "raise ValueError(x)"
    assert error.frames[-1].before[-1] == "    x = 'old line'"


def test_causes_are_told_from_the_nearest_to_the_first(workspace: Workspace) -> None:
    def chained() -> None:
        try:
            try:
                raise KeyError("first")
            except KeyError as error:
                raise ValueError("second") from error
        except ValueError:
            raise RuntimeError("third")  # noqa: B904 - the context is what is tested

    error = failed(workspace, chained).error
    assert error is not None
    assert [(cause.type, cause.message) for cause in error.causes] == [
        ("ValueError", "second"),
        ("KeyError", "'first'"),
    ]
    assert error.causes[1].frames[-1].code == 'raise KeyError("first")'
    assert "direct cause" in error.traceback
    assert "During handling" in error.traceback


def test_groups_of_exceptions_are_readable(workspace: Workspace) -> None:
    def many() -> None:
        raise ExceptionGroup(
            "2 files failed", [OSError("a.csv"), ExceptionGroup("inner", [ValueError("b.csv")])]
        )

    error = failed(workspace, many).error
    assert error is not None
    assert [member.type for member in error.exceptions] == ["OSError", "ExceptionGroup"]
    assert error.exceptions[1].exceptions[0].message == "b.csv"
    assert "b.csv" in error.traceback


def test_notes_belong_to_the_message(workspace: Workspace) -> None:
    def noted() -> None:
        error = ValueError("bad row")
        error.add_note("row 17 of customers.csv")
        raise error

    error = failed(workspace, noted).error
    assert error is not None
    assert error.message == "bad row\nrow 17 of customers.csv"


def test_values_of_variables_are_never_looked_at(workspace: Workspace) -> None:
    def careful() -> None:
        password = chr(104).join(["a", "b", "c"])
        if password:
            raise ValueError("wrong")

    value = chr(104).join(["a", "b", "c"])
    assert value not in json.dumps(failed(workspace, careful).to_json())


def test_secrets_of_connections_are_blackened(workspace: Workspace) -> None:
    def connect() -> None:
        try:
            raise OSError("postgresql://me:s3cr3t%21@host refused")
        except OSError as error:
            raise RuntimeError("login with s3cr3t! and s/ash failed") from error

    config = {"url": "postgresql://me:s3cr3t%21@host/db", "api_key": "AKIA-123", "port": 5432}
    config["dsn"] = "mssql://me:s/ash@host/db"  # which some take
    workspace = Workspace(workspace.store, {"db": {"kind": "postgres", "config": config}})
    result = failed(workspace, connect)
    told = json.dumps(result.to_json()["error"]["message"]) + str(result.reason)
    assert "***" in told
    assert result.error is not None
    assert "s3cr3t!" not in told + result.error.traceback.replace(
        '"login with s3cr3t! and s/ash failed"', ""
    )
    assert "AKIA" not in told
    assert "s/ash" not in told
    assert "host refused" in result.error.causes[0].message
    assert "s3cr3t" not in result.error.causes[0].message


def test_a_function_that_other_processes_do_not_find_is_told_with_what_helps(
    workspace: Workspace,
) -> None:
    def square(number: int) -> int:
        return number * number

    square.__qualname__ = square.__name__ = "square_of_a_script"
    square.__module__ = "__main__"

    def squares() -> bytes:
        import pickle

        return pickle.dumps(square)  # as pools of processes do

    reason = str(failed(workspace, squares).reason)
    assert reason.startswith("it raised _pickle.PicklingError: Can't pickle")
    assert "joblib send them along" in reason


def test_sys_exit_is_a_failure(workspace: Workspace) -> None:
    def leave() -> None:
        sys.exit(0)

    result = failed(workspace, leave)
    assert result.state == "failed"
    assert str(result.reason).startswith("it called sys.exit(0), which is meant to end a whole")
    assert result.error is not None
    assert result.error.frames[-1].code == "sys.exit(0)"


def test_an_interrupt_cancels(workspace: Workspace) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    result = failed(workspace, interrupted)
    assert (result.state, result.reason) == ("canceled", "it was interrupted")


def test_running_out_of_memory_says_what_to_do(workspace: Workspace) -> None:
    def huge() -> bytes:
        return bytes(1 << 62)

    result = failed(workspace, huge)
    assert result.state == "failed"
    assert "not enough memory" in str(result.reason)


def test_a_missing_library_names_requirements(workspace: Workspace) -> None:
    def imports() -> None:
        import a_library_that_nobody_has  # type: ignore[import-not-found] # noqa: F401 - it isn't there

    result = failed(workspace, imports)
    assert result.state == "failed"
    assert "ModuleNotFoundError: No module named 'a_library_that_nobody_has'" in str(result.reason)


def test_code_that_needs_a_missing_library_can_not_be_loaded(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site-packages"
    (folder / "gone_library").mkdir(parents=True)
    (folder / "gone_library" / "__init__.py").write_text("def work(x):\n    return x\n")
    monkeypatch.syspath_prepend(folder)
    import gone_library  # type: ignore[import-not-found] # made above

    def uses() -> Any:
        return gone_library.work(1)

    version = publish(workspace.store, aq.to_operator(uses)())
    monkeypatch.undo()
    sys.modules.pop("gone_library")
    result = run_all(workspace, version)["uses"]
    assert result.state == "failed"
    assert "it needs 'gone_library', which is not installed; @op(requirements=[...])" in str(
        result.reason
    )


def test_an_output_that_can_not_be_stored_names_its_place(workspace: Workspace) -> None:
    def rows() -> Any:
        return {"rows": [1, 2], "lock": [threading.Lock()]}

    result = failed(workspace, rows)
    assert result.state == "failed"
    assert str(result.reason).startswith("an output can't be stored: ")
    assert result.error is not None
    assert result.error.message.startswith("At value['lock'][0]: ")
    assert result.error.traceback.startswith("aqueduct_core.errors.UnserializableError")
    result = failed(workspace, object)  # refused for what it is, not for what is in it
    assert result.error is not None
    assert result.error.type == "aqueduct_core.errors.UnserializableError"


def test_a_deep_recursion_shows_both_ends(workspace: Workspace) -> None:
    def down(n: int) -> int:
        return down(n + 1)

    def start() -> int:
        return down(0)

    error = failed(workspace, start).error
    assert error is not None
    assert error.type == "RecursionError"
    assert len(error.frames) == 100
    assert error.frames[0].function == "start"


def test_an_exception_without_a_text_is_told(workspace: Workspace) -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise TypeError

    def fails() -> None:
        raise Broken

    result = failed(workspace, fails)
    assert result.error is not None
    assert result.error.message == "<its text can't be shown: TypeError>"
    assert result.error.type.endswith("Broken")


def test_texts_that_no_document_holds_are_escaped_and_cut(workspace: Workspace) -> None:
    def fails() -> None:
        raise ValueError("\ud800" + "x" * 1_000_000)

    result = failed(workspace, fails)
    assert result.error is not None
    assert result.error.message.startswith("\\ud800xxx")
    assert "characters left out" in result.error.message
    assert len(json.dumps(result.to_json())) < 200_000


def test_a_failing_check_of_severity_warning_fails_nothing(workspace: Workspace) -> None:
    @aq.op
    def one() -> int:
        return 1

    @aq.check(severity="warning")
    def broken(x: int) -> bool:
        raise ValueError("cannot say")

    value = one()
    broken(value)
    result = run_all(workspace, publish(workspace.store, value))["broken"]
    assert (result.state, result.passed) == ("warning", None)
    assert result.reason == "it raised ValueError: cannot say"


def raised() -> Iterator[BaseException]:
    yield ValueError("plain")
    yield ExceptionGroup("group", [KeyError("a"), ExceptionGroup("b", [OSError(2, "gone")])])
    try:
        raise ValueError("a") from KeyError("b")
    except ValueError as error:
        yield error


@pytest.mark.parametrize("error", [*raised()], ids=repr)
def test_a_failure_comes_back_from_json(error: BaseException) -> None:
    failure = Failure.of(error)
    assert Failure.from_json(json.loads(json.dumps(failure.to_json()))) == failure


def test_what_ended_a_process_is_told_in_words() -> None:
    assert "signal 9, SIGKILL: most often the machine ran out of memory" in killed_by(9)
    assert "signal 11, SIGSEGV: a crash in compiled code" in killed_by(signal.SIGSEGV)
    assert "its log may say why" in killed_by(40)
    assert "exit code 3 before the function returned" in exited(3)
    assert "stopped after 1.5 s, which is its timeout" in timed_out(1.5)
    assert describe_exit(-9) == killed_by(9)
    assert describe_exit(0) == exited(0)

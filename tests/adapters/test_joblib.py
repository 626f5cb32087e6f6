"""joblib's Memory over an artifact store."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from joblib import Memory, Parallel, delayed
from joblib._store_backends import CacheWarning

from aqueduct_core.adapters.joblib import register
from aqueduct_core.errors import ArtifactNotFoundError
from aqueduct_core.store import ArtifactStore
from tests.adapters.conftest import EXAMPLES

CALLS: list[Any] = []


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    register()
    return Memory(str(tmp_path), backend="aqueduct", verbose=0)


def nest(number: int) -> Any:
    CALLS.append(number)
    return {number: (number, {number}), "table": pd.DataFrame({"id": pd.array([1, None], "Int64")})}


def nested(number: int) -> int:
    CALLS.append(number)
    return number


class Model:
    """Something that only pickle can keep."""


def no_format(number: int) -> Model:
    CALLS.append(number)
    return Model()


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    CALLS.clear()


def test_results_are_computed_once_and_come_back_as_they_were(
    memory: Memory, tmp_path: Path
) -> None:
    cached = memory.cache(nest)
    first, again = cached(1), cached(1)
    assert CALLS == [1]
    assert again[1] == first[1] == (1, {1})
    pd.testing.assert_frame_equal(again["table"], first["table"])
    store = ArtifactStore(tmp_path / "joblib")
    (ref,) = [ref for ref in store.list() if ref.key.endswith("/output")]
    assert (ref.type, ref.serializer) == ("collection", "json")


def test_the_example_computes_once(tmp_path: Path) -> None:
    command = [sys.executable, EXAMPLES / "joblib_memory.py", tmp_path]
    out = [subprocess.check_output(command, text=True).splitlines() for _ in range(2)]
    assert out == [["computing", "3 customers"], ["3 customers"]]


def test_a_function_that_was_changed_computes_again(tmp_path: Path) -> None:
    register()

    def cached(code: str) -> Callable[..., Any]:
        (tmp_path / "module.py").write_text(code)
        names: dict[str, Any] = {"__name__": "module"}
        exec(compile(code, str(tmp_path / "module.py"), "exec"), names)
        memory = Memory(str(tmp_path / "cache"), backend="aqueduct", verbose=0)
        found: Callable[..., Any] = memory.cache(names["of"])
        return found

    assert cached("def of(x):\n    return x\n")(1) == 1
    assert cached("def of(x):\n    return x + 1\n")(1) == 2


def test_what_has_no_format_is_said_and_computed_again(memory: Memory) -> None:
    cached = memory.cache(no_format)
    for _ in range(2):
        with pytest.warns(CacheWarning, match="not cached"):
            assert type(cached(1)) is Model
    assert CALLS == [1, 1]


def test_pickles_are_cached_where_they_are_allowed(tmp_path: Path) -> None:
    register()
    memory = Memory(
        str(tmp_path), backend="aqueduct", verbose=0, backend_options={"allow_pickle": True}
    )
    cached = memory.cache(no_format)
    assert [type(cached(1)) for _ in range(2)] == [Model, Model]
    assert CALLS == [1]


def test_a_result_that_is_gone_is_computed_again_and_can_not_be_fetched(
    memory: Memory, tmp_path: Path
) -> None:
    cached = memory.cache(nest)
    shelved = pickle.loads(pickle.dumps(cached.call_and_shelve(1)))  # as another process gets it
    assert shelved.get()[1] == (1, {1})
    store = ArtifactStore(tmp_path / "joblib")
    for ref in [*store.list()]:
        if ref.key.endswith("/output"):
            store.delete(ref.key)
    with pytest.raises(KeyError, match=r"output|no artifact"):
        shelved.get()
    cached(1)
    assert CALLS == [1, 1]


def test_clearing_a_function_leaves_others_alone(memory: Memory) -> None:
    first, second = memory.cache(nest), memory.cache(nested)  # one's name begins as the other's
    for cached in (first, second):
        cached(1)
    first.clear(warn=False)
    assert not first.check_call_in_cache(1)
    assert second.check_call_in_cache(1)
    memory.clear(warn=False)
    assert not second.check_call_in_cache(1)


def test_limits_remove_the_oldest(memory: Memory) -> None:
    cached = memory.cache(nested)
    for number in (1, 2, 3):
        cached(number)
    memory.reduce_size(items_limit=2)
    assert [cached.check_call_in_cache(number) for number in (1, 2, 3)] == [False, True, True]
    memory.reduce_size(age_limit=timedelta(0))
    assert not cached.check_call_in_cache(3)


def test_what_another_process_clears_meanwhile_is_no_item(memory: Memory) -> None:
    cached, backend = memory.cache(nested), memory.store_backend
    for number in (1, 2):
        cached(number)
    store = backend._store
    listed = [*store.list()]
    gone, *_ = [ref.key for ref in listed if ref.key.endswith("/output")]
    store.delete(gone)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "list", lambda: listed)
        assert len(backend.get_items()) == 1


def test_workers_of_joblib_share_the_cache(memory: Memory) -> None:
    cached = memory.cache(nested)
    found = Parallel(2)(delayed(cached)(number % 2) for number in range(6))
    assert found == [0, 1, 0, 1, 0, 1]
    assert cached.check_call_in_cache(1)


def test_compression_is_the_policys(tmp_path: Path) -> None:
    register()
    with pytest.warns(match="left to the store's policy"):
        Memory(str(tmp_path), backend="aqueduct", verbose=0, compress=True)


def test_a_stored_item_can_be_read_and_moved_as_joblib_does_it(memory: Memory) -> None:
    cached, backend = memory.cache(nested), memory.store_backend
    cached(1)
    (item,) = backend.get_items()
    assert backend.get_metadata(item.path.removeprefix(backend.location)[1:].rsplit("/", 1))[
        "input_args"
    ] == {"number": "1"}
    backend._move_item(f"{item.path}/output", f"{backend.location}/elsewhere")
    with backend._open_item(f"{backend.location}/elsewhere", "rb") as file:
        assert file.read() == b"1"
    with pytest.raises(ArtifactNotFoundError):
        backend._open_item(f"{item.path}/output", "rb")

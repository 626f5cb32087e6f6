"""Tasks that take and return references, in processes of the standard library."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle
import pandas as pd
import polars as pl
import pytest

from aqueduct_core.adapters import open_store
from aqueduct_core.adapters.tasks import by_reference
from aqueduct_core.errors import ArtifactNotFoundError, ParameterError, UnsafeArtifactError
from aqueduct_core.reference import ArtifactRef

if TYPE_CHECKING:
    from decimal import Decimal

KEY = "ab" * 32


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "store")


def made(count: int) -> pd.DataFrame:
    return pd.DataFrame({"id": pd.array(range(count), "Int64")})


def kind(table: pl.DataFrame, other: Any = None) -> tuple[str, str]:
    return f"{type(table).__module__.partition('.')[0]}", type(other).__name__


def many(tables: list[Any], *, named: dict[str, Any]) -> list[str]:
    return [type(item).__name__ for item in (*tables, *named.values())]


def unreadable(table: pl.DataFrame, price: Decimal) -> str:
    return f"{type(table).__name__} {price}"


@pytest.fixture
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def run(pool: ProcessPoolExecutor, task: Any, *args: Any, **kwargs: Any) -> Any:
    """As executors do it that pickle functions by value."""
    sent = cloudpickle.dumps((task, args, kwargs))
    return pool.submit(call, sent).result()


def call(sent: bytes) -> Any:
    task, args, kwargs = pickle.loads(sent)
    return task(*args, **kwargs)


def test_references_come_back_and_are_loaded_where_the_task_runs(
    url: str, processes: ProcessPoolExecutor
) -> None:
    ref = run(processes, by_reference(made, url), 3)
    assert type(ref) is ArtifactRef
    found = run(processes, by_reference(kind, url), ref, other=ref)
    store = open_store(url)
    assert store.get(found) == ("polars", "DataFrame")
    assert store.manifest(found).lineage == {"function": "kind", "inputs": [ref.digest] * 2}


def test_references_in_lists_tuples_and_dicts_are_loaded(url: str) -> None:
    refs = [by_reference(made, url)(count) for count in (1, 2)]
    found = by_reference(many, url)([refs[0], 1], named={"a": (refs[1],), "b": refs[1]})
    assert open_store(url).get(found) == ["DataFrame", "int", "tuple", "DataFrame"]


def test_equal_results_are_stored_once(url: str) -> None:
    refs = [by_reference(made, url)(3) for _ in range(2)]
    assert refs[0] == refs[1]
    assert len([*open_store(url).list()]) == 1


def test_annotations_that_only_type_checkers_know_ask_for_nothing(url: str) -> None:
    ref = by_reference(made, url)(1)
    task = by_reference(unreadable, url)
    assert open_store(url).get(task(ref, 1)) == "DataFrame 1"


def test_what_a_reference_names_has_to_be_there(url: str) -> None:
    ref = by_reference(made, url)(1)
    open_store(url).delete(ref.key)
    with pytest.raises(ArtifactNotFoundError, match=ref.key):
        by_reference(kind, url)(ref)


def test_stores_sign_with_the_key_of_the_environment(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AQUEDUCT_SIGNING_KEY", KEY)
    store = open_store(url)
    ref = store.put(made, "function")  # a pickle: only signed stores take them
    assert store.get(ref)(2).shape == (2, 1)
    monkeypatch.delenv("AQUEDUCT_SIGNING_KEY")
    with pytest.raises(UnsafeArtifactError):
        open_store(url).get(ref)


def test_storages_get_the_options_of_the_environment_and_the_call(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AQUEDUCT_STORAGE_OPTIONS", '{"fsync": true}')
    assert open_store(url).storage._fsync is True  # type: ignore[attr-defined]
    options = {"fsync": False}
    assert open_store(url, storage_options=options).storage._fsync is False  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AQUEDUCT_SIGNING_KEY", "hushed"),
        ("AQUEDUCT_STORAGE_OPTIONS", "hushed"),
        ("AQUEDUCT_STORAGE_OPTIONS", "[1]"),
    ],
)
def test_variables_that_can_not_be_read_are_named_and_not_shown(
    url: str, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ParameterError, match=variable) as caught:
        open_store(url)
    assert value not in str(caught.value)

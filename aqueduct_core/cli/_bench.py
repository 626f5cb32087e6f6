"""`aqueduct bench`: how quick this machine and its storage are with artifacts and workflows."""

from __future__ import annotations

import os
import random
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from aqueduct_core.cli._print import as_size, as_time, console, print_json, table
from aqueduct_core.client import Client
from aqueduct_core.client._home import Home
from aqueduct_core.dag import op
from aqueduct_core.store import ArtifactStore

__all__ = ["bench"]

_ROUNDS = 3
_COLUMNS = 10
_CHAIN = 100
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Kept:
    """How one value is kept.

    Attributes:
        value: What it is.
        size: Bytes in memory, as far as the serializer tells.
        stored: Bytes in the storage.
        format: The serializer.
        save: Seconds to save it: the best of some rounds, as for `load`.
        load: Seconds to load it.
    """

    value: str
    size: int
    stored: int
    format: str
    save: float
    load: float


def bench(options: Namespace) -> int:
    """Save and load some values, and run workflows that do nothing."""
    size = round(options.size * 1e6)
    folder = Home(options.home).path
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=folder) as place:
        with _store(options.store or f"{place}/artifacts", options.policy) as store:
            kept = [_keep(store, name, make) for name, make in _values(size)]
        steps = _steps(Path(place) / "home")
    if options.json:
        print_json({"values": [asdict(item) for item in kept], "workflows": steps})
        return 0
    screen = console()
    columns = ["value", ">size", "format", ">stored", ">save", ">load"]
    rows = [
        (
            item.value,
            as_size(item.size),
            item.format,
            as_size(item.stored),
            _speed(item.save, item.size),
            _speed(item.load, item.size),
        )
        for item in kept
    ]
    screen.print(table(columns, rows, title=f"Artifacts in {options.store or folder}"))
    told = [(name.replace("_", " "), as_time(seconds)) for name, seconds in steps.items()]
    screen.print(table(["what", ">takes"], told, title="Workflows of operators that do nothing"))
    return 0


@contextmanager
def _store(url: str, policy: Any) -> Iterator[ArtifactStore]:
    """A store in a folder of its own, of which nothing is left."""
    store = ArtifactStore(
        f"{url.rstrip('/')}/bench-{token_hex(6)}", policy=policy, signing_key=os.urandom(32)
    )
    try:
        yield store
    finally:
        store.storage.delete(*[info.key for info in store.storage.list()])


def _values(size: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Values of about so many bytes, of the libraries that are there; each call makes another one."""
    chance = random.Random(0)  # noqa: S311 - no secret
    yield "random bytes", lambda: chance.randbytes(size)
    yield "text", lambda: " ".join(chance.choices(_words(chance), k=max(1, size // 7)))
    yield "records", lambda: [_record(chance, n) for n in range(max(1, size // 80))]
    if find_spec("numpy") is None:
        return
    import numpy as np

    drawn = np.random.default_rng(0)
    items = max(1, size // 8)
    yield "array of float64", lambda: drawn.standard_normal(items)
    if find_spec("pandas") is None:
        return
    import pandas as pd

    def frame() -> Any:
        rows = max(1, items // _COLUMNS)
        made: dict[str, Any] = {
            f"x{n}": drawn.standard_normal(rows).round(3) for n in range(_COLUMNS - 2)
        }
        made["count"] = drawn.integers(0, 1_000, rows)
        made["name"] = drawn.choice(_words(chance), rows)
        return pd.DataFrame(made)

    yield "table of 10 columns", frame


def _words(chance: random.Random) -> list[str]:
    return ["".join(chance.choices(_LETTERS, k=6)) for _ in range(1_000)]


def _record(chance: random.Random, number: int) -> dict[str, Any]:
    return {"id": number, "score": chance.random(), "tags": ["new", None], "open": number % 2 == 0}


def _keep(store: ArtifactStore, name: str, make: Callable[[], Any]) -> Kept:
    saves, loads = [], []
    for number in range(_ROUNDS):
        value = make()  # another one each time: what is there already is not written again
        start = perf_counter()
        ref = store.put(value, f"{name}-{number}")
        saved = perf_counter()
        loaded = store.get(ref)
        loads.append(perf_counter() - saved)
        saves.append(saved - start)
        del value, loaded
    manifest = store.manifest(ref)
    stored = sum(part.stored or part.size for part in manifest.parts)
    return Kept(name, manifest.size, stored, ref.serializer, min(saves), min(loads))


def _steps(home: Path) -> dict[str, float]:
    """What an operator costs in a workflow, in seconds: published, run, stored and recorded."""
    one = op(_first)
    more = op(_next)
    with Client(home=home) as client:
        start = perf_counter()
        client.publish_flow("one", one(), quiet=True)
        first = perf_counter() - start
        chain = one()
        for _ in range(_CHAIN - 1):
            chain = more(chain)
        flow = client.publish_flow("chain", chain, quiet=True, run_now=False)
        runs = []
        for _ in range(_ROUNDS):
            start = perf_counter()
            flow.trigger(quiet=True)
            runs.append((perf_counter() - start) / _CHAIN)
    return {"first_run_of_one_operator": first, f"operator_in_a_chain_of_{_CHAIN}": min(runs)}


def _first() -> int:
    return 0


def _next(number: int) -> int:
    return number + 1


def _speed(seconds: float, size: int) -> str:
    return f"{as_time(seconds)}, {as_size(round(size / max(seconds, 1e-9)))}/s"

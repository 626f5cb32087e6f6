"""`aqueduct bench --workflows`: what an operator costs in a workflow, whatever it does."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

from aqueduct_core.client import Client
from aqueduct_core.dag import op

__all__ = ["steps"]

_ROUNDS = 3
_CHAIN = 100


def steps(home: Path) -> dict[str, float]:
    """Seconds for operators that do nothing: published, run, stored and recorded."""
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

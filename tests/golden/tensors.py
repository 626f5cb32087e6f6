"""Tensors, as `tests/golden/science.py` has other values. Needs PyTorch."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch

from aqueduct_core.store import ArtifactStore

KEY = b"golden"


def state() -> OrderedDict[str, torch.Tensor]:
    weight = torch.arange(6.0).reshape(2, 3)
    made = OrderedDict({"in.weight": weight, "n": torch.tensor(7), "out.weight": weight})
    made._metadata = OrderedDict({"": {"version": 1}})  # type: ignore[attr-defined]  # as modules do
    return made


VALUES: dict[str, Callable[[], Any]] = {
    "tensor": lambda: torch.arange(24, dtype=torch.bfloat16).reshape(2, 3, 4).permute(2, 0, 1),
    "parameter": lambda: torch.nn.Parameter(torch.ones(2, 2)),
    "state": state,
}


def main() -> None:
    for policy in ("fast", "small"):
        store = ArtifactStore(sys.argv[1], policy=policy, signing_key=KEY)
        for name, make in VALUES.items():
            store.put(make(), f"{policy}/{name}")


if __name__ == "__main__":
    main()

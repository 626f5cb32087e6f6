"""Versions on paper, to make DAG files of."""

from __future__ import annotations

from aqueduct_core.dag import FlowSpec, OperatorSpec, Version

__all__ = ["large", "version_of"]


def version_of(spec: FlowSpec) -> Version:
    return Version(
        flow="6d6a9d2e-0c44-4f0c-9a53-1f6c2f2f3b0e",
        name=spec.name,
        digest=spec.digest,
        spec=spec,
        ids={name: f"{number:08x}-rest" for number, name in enumerate(spec.operators)},
        code={},
        published="2026-11-22T18:54:51.123456+00:00",
    )


def large(size: int) -> Version:
    """So many operators, in chains of every tenth."""
    operators = {
        f"step {number}": OperatorSpec(
            name=f"step {number}",
            kind="op",
            task={"digest": "x"},
            after=(f"step {number - 10}",) if number >= 10 else (),
        )
        for number in range(size)
    }
    return version_of(FlowSpec(name="large", operators=operators, parameters={}, python="3.11"))

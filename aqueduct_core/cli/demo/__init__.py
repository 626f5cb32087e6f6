"""`aqueduct demo`: a workflow on real data, from its first run to its first mistakes."""

from __future__ import annotations

from aqueduct_core.cli.demo._story import demo, was_told

__all__ = ["demo", "was_told"]

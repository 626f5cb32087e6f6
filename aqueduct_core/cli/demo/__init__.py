"""`aqueduct demo`: a workflow on real data, from its first run to its first mistakes."""

from __future__ import annotations

from aqueduct_core.cli.demo._story import demo

__all__ = ["demo"]

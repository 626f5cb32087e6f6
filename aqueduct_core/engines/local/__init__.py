"""The local engine: workflows run in this process."""

from __future__ import annotations

from aqueduct_core.engines.local._engine import LocalEngine
from aqueduct_core.engines.local._evaluate import evaluate

__all__ = ["LocalEngine", "evaluate"]

"""One operator, run anywhere: inputs in, function called, outputs stored, result recorded."""

from __future__ import annotations

from aqueduct_core.runtime._operator import Clock, Run, Stored, ended, run_operator
from aqueduct_core.runtime._result import Failure, OperatorState, Result

__all__ = ["Clock", "Failure", "OperatorState", "Result", "Run", "Stored", "ended", "run_operator"]

"""One operator, run anywhere: inputs in, function called, outputs stored, result recorded."""

from __future__ import annotations

from aqueduct_core.runtime._capture import Capture, collect_logs
from aqueduct_core.runtime._failure import Failure, Frame
from aqueduct_core.runtime._job import Job, Workspace
from aqueduct_core.runtime._operator import run_operator
from aqueduct_core.runtime._outputs import expected_types
from aqueduct_core.runtime._reasons import describe_exit, exited, killed_by, timed_out
from aqueduct_core.runtime._result import (
    OperatorState,
    Result,
    attempt_folder,
    ended,
    read_result,
    result_key,
    write_result,
)
from aqueduct_core.runtime._saves import run_saves
from aqueduct_core.runtime._usage import Clock

__all__ = [
    "Capture",
    "Clock",
    "Failure",
    "Frame",
    "Job",
    "OperatorState",
    "Result",
    "Workspace",
    "attempt_folder",
    "collect_logs",
    "describe_exit",
    "ended",
    "exited",
    "expected_types",
    "killed_by",
    "read_result",
    "result_key",
    "run_operator",
    "run_saves",
    "timed_out",
    "write_result",
]

"""Measure how a value is best stored, on this machine and these storages; `aqueduct bench` from Python.

```python
from aqueduct_core.bench import Options, run

report = run(["tiny dict"], Options(policies=["fast", "small"], rounds=2, memory=False))
```
"""

from __future__ import annotations

from aqueduct_core.bench._calibrate import Calibration, calibrate
from aqueduct_core.bench._compare import Change, compare
from aqueduct_core.bench._cost import Prices
from aqueduct_core.bench._figure import draw, front
from aqueduct_core.bench._run import Options, run
from aqueduct_core.bench._source import case_names, load_value
from aqueduct_core.bench._ways import BASELINE

__all__ = [
    "BASELINE",
    "Calibration",
    "Change",
    "Options",
    "Prices",
    "calibrate",
    "case_names",
    "compare",
    "draw",
    "front",
    "load_value",
    "run",
]

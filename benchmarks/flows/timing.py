"""Times a workflow: `python FLOW.py SHAPE OPERATORS REPEATS`; standard library only.

Every flow file defines `run(shape, operators)`: build a workflow of trivial operators, run it to its
end with the tool's recommended local way, and return the last operator's value. Shapes: `chain`,
where each operator adds one to the value of the one before, and `fan`, where all take the value of
the first.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable


def main(run: Callable[[str, int], int]) -> None:
    shape, operators, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        value = run(shape, operators)
        seconds.append(time.perf_counter() - start)
        expected = operators if shape == "chain" else 2
        if operators > 1 and value != expected:
            raise SystemExit(f"the last operator gave {value}, not {expected}")
    print(json.dumps({"seconds": seconds, "ended": time.time()}))

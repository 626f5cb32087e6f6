"""Read stored results as a process does that knows neither flow nor store. Prints JSON."""

import json
import sys
from pathlib import Path

from prefect.results import ResultRecord

import aqueduct_core.adapters.prefect  # noqa: F401 - makes the serializer known

found = []
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        found.append(repr(ResultRecord.deserialize(path.read_bytes()).result))
    except Exception as error:  # noqa: BLE001 - whichever it is, the test looks at it
        found.append(f"{type(error).__name__}: {error}")
print(json.dumps({"found": found}))

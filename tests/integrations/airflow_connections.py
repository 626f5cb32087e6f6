"""Prints how data systems are reached by Airflow's connections; run where Airflow is installed."""

from __future__ import annotations

import json
import sys

from aqueduct_core.engines.airflow._credentials import connection_of

if __name__ == "__main__":
    print(json.dumps({name: connection_of(name, {}) for name in sys.argv[1:]}))

"""A version with every kind of operator, setting and parameter, as `tests/golden/spec-1.json` has it.

`python -m tests.golden.spec FILE` writes it anew: for a new format, into a new file. What is there
already is never written again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from aqueduct_core.dag import FlowSpec, Input, OperatorSpec, ParameterSpec, Settings, Version
from aqueduct_core.dag._version import flow_id

SETTINGS = Settings(
    requirements=("pandas==3.0.1", "acme @ git+https://git.example.org/acme@1ab"),
    python="3.11",
    resources={"cpu": 2, "memory": 4_000_000_000, "gpu": 0.5, "licence": ["a", None]},
    retries=3,
    retry_delay=1.5,
    timeout=60.0,
    cache=True,
    engine_options={"pool": {"name": "small", "slots": 1}},
    image="python:3.11-slim",
)
PREDICT = {
    "digest": "blake3:" + "0" * 64,
    "source": "@op\ndef predict(df, limit=0.5):\n    return clean(df)  # naïve\n",
    "helpers": {"clean": "def clean(df):\n    return df\n"},
    "values": {"limit": "0.5", "model": "Pipeline blake3:" + "1" * 64},
}
BUILTIN = {"digest": "blake3:" + "2" * 64, "source": None, "helpers": {}, "values": {}}


def spec() -> FlowSpec:
    operators = [
        OperatorSpec(
            name="customers",
            kind="query",
            task={"integration": "warehouse", "query": "SELECT * FROM customers WHERE x = :x"},
            kwargs={"x": Input("country", None)},
            description="All customers",
        ),
        OperatorSpec(
            name="predict",
            kind="op",
            task=PREDICT,
            args=(Input("customers", "output"),),
            kwargs={"limit": Input("predict.limit", None)},
            outputs=("good", "bad"),
            settings=SETTINGS,
        ),
        OperatorSpec(
            name="predict-2", kind="op", task=PREDICT, args=(Input("training", None),),
            outputs=("good", "bad"), after=("predict",),
        ),
        OperatorSpec(name="size", kind="metric", task=BUILTIN, args=(Input("predict", "good"),)),
        OperatorSpec(
            name="number_of_rows",
            kind="metric",
            task={"preset": {"name": "number_of_rows"}},
            args=(Input("predict", "bad"),),
        ),
        OperatorSpec(
            name="bound",
            kind="check",
            task={"preset": {"name": "bound", "lower": 1}},
            args=(Input("size", "output"),),
            severity="error",
        ),
        OperatorSpec(
            name="sane", kind="check", task=PREDICT, args=(Input("predict", "good"),),
            severity="warning",
        ),
        OperatorSpec(
            name="save predictions",
            kind="save",
            task={"integration": "warehouse", "table": "predictions", "mode": "replace"},
            args=(Input("predict", "good"),),
            outputs=(),
        ),
    ]  # fmt: skip
    table = {
        "key": f"flows/{flow_id('golden')}/parameters/{'3' * 64}",
        "type": "table",
        "serializer": "parquet",
        "size": 1_000,
        "digest": "blake3:" + "3" * 64,
        "name": "training",
    }
    parameters = [
        ParameterSpec(name="country", value={"value": "US"}, type="text", description="Where"),
        ParameterSpec(name="predict.limit", value={"value": 0.5}, type="numeric", implicit=True),
        ParameterSpec(
            name="day",
            value={"value": {"$type": "date", "value": "2026-11-22"}},
            type="json",
        ),
        ParameterSpec(
            name="training",
            value={"artifact": table, "digest": "blake3:" + "4" * 64},
            type="table",
        ),
    ]
    return FlowSpec(
        name="golden",
        description="Everything that there is",
        engine="airflow_cluster",
        schedule={"kind": "daily", "hour": 8, "minute": 0, "timezone": "Europe/Zurich"},
        after=None,
        python="3.11",
        parameters={item.name: item for item in parameters},
        operators={item.name: item for item in operators},
    )


def version() -> Version:
    made = spec()
    flow = flow_id(made.name)
    return Version(
        flow=flow,
        name=made.name,
        digest=made.digest,
        spec=made,
        ids={name: f"00000000-0000-5000-8000-{i:012}" for i, name in enumerate(made.operators)},
        code=dict.fromkeys(
            ("predict", "predict-2", "size", "sane"), f"flows/{flow}/code/{'5' * 64}"
        ),
        sites={"predict": "project/flow.py:12"},
        published="2026-11-22T15:00:00+00:00",
        metadata={"python": "3.11.7", "packages": {"pandas": "3.0.1"}, "notes": ["a note"]},
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(version().to_json(), indent=1, ensure_ascii=False))

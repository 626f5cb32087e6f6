"""Data between tasks: in a bucket, of every type, and from environments of operators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import aqueduct_core as aq
from tests.integration.airflow.clients import files_of, publish
from tests.integration.airflow.conftest import bucket_of, planted
from tests.integration.airflow.runs import Airflow
from tests.integration.airflow.settings import SIGNING_KEY, Address

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]


def test_every_kind_of_artifact_goes_through_a_bucket(
    bucket: aq.Client, airflow: Airflow, name: str
) -> None:
    kinds = [
        "table",
        "array",
        "image",
        "text",
        "bytes",
        "nest",
        "number",
        "flag",
        "nothing",
        "series",
        "model",
    ]

    @aq.op(outputs=kinds)
    def make() -> tuple[Any, ...]:
        class Model:
            def predict(self) -> int:
                return 42

        table = pd.DataFrame({"id": pd.array([1, None], "Int64"), "day": pd.Timestamp(2026, 1, 31)})
        nest = {"a": (1, 2), 3: [float("inf")]}
        array = np.arange(6, dtype=">i2").reshape(2, 3)
        image = Image.new("RGB", (2, 1), "#a0b0c0")
        series = pd.Series(["a", None], dtype="category", name="tag")
        return table, array, image, "é", b"\0", nest, 2**70, True, None, series, Model()

    @aq.op
    def look(
        table: Any,
        array: Any,
        image: Any,
        text: Any,
        data: Any,
        nest: Any,
        number: Any,
        flag: Any,
        nothing: Any,
        series: Any,
        model: Any,
    ) -> dict[str, Any]:
        return {
            "dtypes": [str(kind) for kind in table.dtypes],
            "array": (array.dtype.str, array.tolist()),
            "image": (image.mode, image.getpixel((1, 0))),
            "rest": (text, data, nest, number, flag, nothing),
            "series": (series.name, str(series.dtype), series.isna().tolist()),
            "model": model.predict(),
        }

    made = make()
    flow = publish(bucket, name, look(*made))
    run = airflow.trigger(bucket, flow)
    assert run.wait() == "success"
    assert run.value("look") == {
        "dtypes": ["Int64", "datetime64[us]"],
        "array": (">i2", [[0, 1, 2], [3, 4, 5]]),
        "image": ("RGB", (160, 176, 192)),
        "rest": ("é", b"\0", {"a": (1, 2), 3: [float("inf")]}, 2**70, True, None),
        "series": ("tag", "category", [False, True]),
        "model": 42,
    }


@pytest.mark.network
def test_secrets_are_in_no_argument_variable_or_file_of_any_process(
    bucket: aq.Client, airflow: Airflow, address: Address, name: str
) -> None:
    secret = planted(bucket_of(bucket))

    def seen(half: str, other: str) -> list[str]:
        """Which processes show it to others."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            for part in ("cmdline", "environ"):
                try:
                    data = (process / part).read_bytes()
                except OSError:  # it has ended
                    continue
                if (half + other).encode() in data:
                    found.append(f"{part} of {data[:80]!r}")
        return found

    @aq.op(requirements=["roman==5.0"])
    def elsewhere(half: str, other: str) -> tuple[str, list[str]]:
        import roman

        return str(roman.toRoman(4)), seen(half, other)

    @aq.op
    def here(before: tuple[str, list[str]], half: str, other: str) -> tuple[bool, list[str]]:
        from importlib.util import find_spec

        return find_spec("roman") is None, seen(half, other)

    halves = (secret[:10], secret[10:])
    flow = publish(bucket, name, here(elsewhere(*halves), *halves))
    run = airflow.trigger(bucket, flow)
    assert run.wait() == "success"
    assert run.value("elsewhere") == ("IV", [])
    assert run.value("here") == (True, [])
    assert "environment:" in run.log("elsewhere")
    key = SIGNING_KEY.hex().encode()
    for path, data in files_of(address):
        if path.name != "airflow.cfg":
            assert secret.encode() not in data, path
            assert key not in data, path

"""What comes back of values that a tool stores as it does by default. Prints JSON.

    python benchmarks/flows/defaults.py TOOL FOLDER

Run in the environment of the tool, which has this package, too: its strict comparison is the judge.
"""

import json
import logging
import os
import sys
import warnings
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from aqueduct_core.testing import assert_identical

MARK = "AQUEDUCT_DEFAULTS_MARK"


def polars_frame():
    import polars as pl

    return pl.DataFrame({"a": [1, None], "b": [[1], [2, 3]]})


def palette():
    from PIL import Image

    return Image.new("RGB", (8, 8), (200, 30, 30)).quantize(4)


def indexed():
    days = pd.date_range("2026-01-01", periods=3, freq="D", name="day")
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=days)
    frame.attrs = {"source": "sensor"}
    return frame


VALUES = {
    "frame of numbers and texts": lambda: pd.DataFrame(
        {"a": [1, 2], "b": [0.5, None], "c": [True, False], "d": ["x", None]}
    ),
    "frame with nullable integers and categories": lambda: pd.DataFrame(
        {"id": pd.array([1, None], "Int64"), "tag": pd.Categorical(["x", "y"])}
    ),
    "frame with categories of integers, times in seconds": lambda: pd.DataFrame(
        {"c": pd.Categorical([1, 2]), "t": np.array(["2026-01-01", "2026-01-02"], "M8[s]")}
    ),
    "frame with a daily index and `attrs`": indexed,
    "frame of Polars": polars_frame,
    "dict with the keys 1 and '1', and a tuple": lambda: {1: (1, 2), "1": [3]},
    "dict with NaN and infinity": lambda: {"a": float("nan"), "b": float("inf")},
    "array of float32 in Fortran order": lambda: np.asfortranarray(np.ones((2, 3), "f4")),
    "complex number of NumPy": lambda: np.complex64(1 + 2j),
    "image with a palette": palette,
    "time with a zone, and a Decimal": lambda: [
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))),
        Decimal("1.10"),
    ],
    "`None`": lambda: None,
}


class Trap:
    """Runs code when it is unpickled: leaves a mark."""

    def __reduce__(self):
        return Path.touch, (Path(os.environ[MARK]),)


class Aqueduct:
    """`ArtifactStore` with nothing but a folder."""

    def __init__(self, folder):
        from aqueduct_core import ArtifactStore

        self.store = ArtifactStore(folder)

    def save(self, value):
        self.ref = self.store.put(value, "value")

    def load(self):
        return self.store.get(self.ref)


class Joblib:
    """`Memory` in a folder."""

    def __init__(self, folder):
        from joblib import Memory

        self.memory = Memory(folder, verbose=0)

    def save(self, value):
        def function():
            return value

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.shelved = self.memory.cache(function).call_and_shelve()

    def load(self):
        return self.shelved.get()


class Dagster:
    """The default IO manager of an instance."""

    def __init__(self, folder):
        import dagster as dg

        self.dg, self.got = dg, []
        self.manager = dg.FilesystemIOManager(base_dir=str(folder))

    def save(self, value):
        @self.dg.asset(name="stored")
        def stored():
            return value

        self.stored = stored
        self.dg.materialize([stored], resources={"io_manager": self.manager})

    def load(self):
        @self.dg.asset(name="loaded")
        def loaded(stored):
            self.got.append(stored)

        both = [self.stored, loaded]
        resources = {"io_manager": self.manager}
        self.dg.materialize(both, selection=[loaded], resources=resources)
        return self.got[-1]


class Prefect:
    """The default serializer of results, in a file."""

    def __init__(self, folder):
        from prefect.results import ResultRecord, ResultRecordMetadata
        from prefect.serializers import PickleSerializer

        self.path, self.record = folder / "result", ResultRecord
        self.metadata = ResultRecordMetadata(serializer=PickleSerializer(), storage_key="result")

    def save(self, value):
        self.path.write_bytes(self.record(result=value, metadata=self.metadata).serialize())

    def load(self):
        return self.record.deserialize(self.path.read_bytes()).result


class Kedro:
    """The dataset that Kedro has for the type; pickle for what has none."""

    def __init__(self, folder):
        self.folder = folder

    def save(self, value):
        self.dataset = self.dataset_for(value)
        self.dataset.save(value)

    def load(self):
        return self.dataset.load()

    def dataset_for(self, value):
        from kedro_datasets import json as json_
        from kedro_datasets import pandas, pickle, pillow, polars

        path = str(self.folder / "value")
        if isinstance(value, pd.DataFrame):
            return pandas.ParquetDataset(filepath=path)
        if is_polars(value):
            return polars.EagerPolarsDataset(filepath=path, file_format="parquet")
        if isinstance(value, dict | list):
            return json_.JSONDataset(filepath=path)
        if type(value).__module__.startswith("PIL."):
            return pillow.ImageDataset(filepath=f"{path}.png")
        return pickle.PickleDataset(filepath=path)


class Hamilton:
    """The saver and loader that Hamilton has for the type; pickle for what has none."""

    def __init__(self, folder):
        from hamilton.plugins import pandas_extensions, polars_extensions  # noqa: F401

        self.path = str(folder / "value")

    def save(self, value):
        from hamilton.registry import SAVER_REGISTRY

        self.kind, self.format = type(value), self.format_of(value)
        savers = [it for it in SAVER_REGISTRY[self.format] if it.applies_to(type(value))]
        saver = (savers or SAVER_REGISTRY[self.format])[-1]
        self.argument = "file" if is_polars(value) else "path"
        saver(**{self.argument: self.path}).save_data(value)

    def load(self):
        from hamilton.registry import LOADER_REGISTRY

        loaders = [it for it in LOADER_REGISTRY[self.format] if it.applies_to(self.kind)]
        loader = (loaders or LOADER_REGISTRY[self.format])[-1]
        return loader(**{self.argument: self.path}).load_data(self.kind)[0]

    def format_of(self, value):
        if isinstance(value, pd.DataFrame) or is_polars(value):
            return "parquet"
        return "json" if isinstance(value, dict | list) else "pickle"


class Airflow:
    """XCom's own serialization."""

    def __init__(self, folder):
        self.path = folder / "value"

    def save(self, value):
        from airflow.sdk.serde import serialize

        self.path.write_text(json.dumps(serialize(value)))

    def load(self):
        from airflow.sdk.serde import deserialize

        return deserialize(json.loads(self.path.read_text()))


TOOLS = {
    "aqueduct_core": Aqueduct,
    "Airflow": Airflow,
    "Dagster": Dagster,
    "Prefect": Prefect,
    "Kedro": Kedro,
    "Hamilton": Hamilton,
    "joblib": Joblib,
}


def is_polars(value):
    return type(value).__module__.startswith("polars.")


def outcome(make, tool):
    """`exact`, `changed` or `refused`, and why; nothing where the environment lacks the library."""
    try:
        value = make()
    except ModuleNotFoundError as error:
        return ["", str(error)]
    try:
        tool.save(value)
        loaded = tool.load()
    except Exception as error:  # noqa: BLE001 - tools raise what they like
        return ["refused", f"{type(error).__name__}: {error}"]
    try:
        compare(loaded, make())
    except AssertionError as error:
        return ["changed", str(error)]
    return ["exact", ""]


def compare(loaded, value):
    """Strict, but for images: how Pillow keeps a palette inside is nobody's concern."""
    if type(value).__module__.startswith("PIL."):
        looks = [(it.mode, it.size, it.tobytes(), it.getpalette()) for it in (loaded, value)]
        assert looks[0] == looks[1], f"{looks[0][0]} instead of {looks[1][0]}, or other pixels"
    else:
        assert_identical(loaded, value)


def altered(tool, folder):
    """Whether it is noticed that a byte in the middle of what was stored is another."""
    try:
        tool.save(np.arange(100_000, dtype="f8"))
    except Exception:  # noqa: BLE001 - whatever it raises: it takes no arrays
        tool.save("text" * 100_000)
    largest = max((path for path in folder.rglob("*") if path.is_file()), key=os.path.getsize)
    data = bytearray(largest.read_bytes())
    at = len(data) // 2
    data[at] = data[at] + 1 if 48 <= data[at] < 57 or 65 <= data[at] < 90 else data[at] ^ 1
    largest.write_bytes(bytes(data))
    try:
        tool.load()
    except Exception as error:  # noqa: BLE001 - tools raise what they like
        return ["noticed", f"{type(error).__name__}: {error}"]
    return ["not noticed", ""]


def trapped(tool, folder):
    """Whether loading runs code that is in what was stored."""
    os.environ[MARK] = str(folder / "mark")
    try:
        tool.save(Trap())
        Path(os.environ[MARK]).unlink(missing_ok=True)
        tool.load()
    except Exception as error:  # noqa: BLE001 - tools raise what they like
        if not Path(os.environ[MARK]).exists():
            return ["not stored", f"{type(error).__name__}: {error}"]
    return ["runs it", ""] if Path(os.environ[MARK]).exists() else ["not run", ""]


def main(name, base):
    logging.disable()
    warnings.simplefilter("ignore")
    found = {}
    cases = {
        value: lambda tool, _, make=make: outcome(make, tool) for value, make in VALUES.items()
    }
    cases["a byte of it is altered"] = altered
    cases["code in what is loaded"] = trapped
    for number, (value, look) in enumerate(cases.items()):
        folder = Path(base) / str(number)
        folder.mkdir(parents=True)
        found[value] = look(TOOLS[name](folder), folder)
    print()
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])

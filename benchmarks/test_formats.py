"""Each serializer with a value of its kind, and each storage with parts of several sizes:
`pytest benchmarks --benchmark-only`. What isn't installed is skipped.
"""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aqueduct_core import ArtifactStore
from aqueduct_core.abc import Storage
from aqueduct_core.serializers import BUILTIN
from aqueduct_core.storage import open_storage
from benchmarks import cases
from tests.servers import S3Server


def _file(_: Path) -> Any:
    from PIL import Image

    buffer = io.BytesIO()
    cases.image(200, 0).save(buffer, "JPEG")
    return Image.open(buffer)


def _sparse(_: Path) -> Any:
    from scipy import sparse

    return sparse.random_array((2_000, 2_000), density=0.01, rng=np.random.default_rng(0)).tocsr()


def _tensors(_: Path) -> Any:
    torch = pytest.importorskip("torch")
    return torch.nn.Linear(500, 500).state_dict()


def _dataset(_: Path) -> Any:
    import xarray as xr

    days = pd.date_range("2024-01-01", periods=1_000)
    values = np.random.default_rng(0).random((1_000, 50))
    return xr.Dataset({"rain": (("day", "place"), values)}, coords={"day": days})


def _places(_: Path) -> Any:
    import geopandas

    x, y = np.random.default_rng(0).random((2, 5_000))
    return geopandas.GeoDataFrame({"x": x}, geometry=geopandas.points_from_xy(x, y), crs=4326)


def _rows() -> tuple[Any, Any]:
    data = np.random.default_rng(0).random((300, 5))
    return data, data[:, 0]


def _xgboost(_: Path) -> Any:
    import xgboost

    data, label = _rows()
    return xgboost.train({"max_depth": 3}, xgboost.DMatrix(data, label), 20)


def _lightgbm(_: Path) -> Any:
    import lightgbm

    data, label = _rows()
    return lightgbm.train({"verbose": -1}, lightgbm.Dataset(data, label), 20)


def _linear(_: Path) -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(*_rows())


def _figure(_: Path) -> Any:
    from matplotlib.figure import Figure

    made = Figure()
    made.subplots().plot(np.arange(100))
    return made


def _report(_: Path) -> Any:
    from great_tables import GT

    return GT(cases.mixed(20, 0))


VALUES: dict[str, Callable[[Path], Any]] = {
    "text": lambda _: cases.prose(1_000_000, 0),
    "bytes": lambda _: os.urandom(1_000_000),
    "npy": lambda _: cases.array(256, 0),
    "arrow": lambda _: cases.mixed(20_000, 0),
    "parquet": lambda _: cases.mixed(20_000, 0),
    "image.file": _file,
    "image.raw": lambda _: cases.image(200, 0),
    "image.png": lambda _: cases.image(200, 0),
    "scipy.sparse": _sparse,
    "torch.tensor": lambda folder: _tensors(folder)["weight"].detach().clone(),
    "torch.state_dict": _tensors,
    "xarray": _dataset,
    "geopandas": _places,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "skops": _linear,
    "matplotlib": _figure,
    "great_tables": _report,
    "json": lambda _: cases.records(2_000, 0),
    "pickle": _linear,
}
SERIALIZERS = [item.name for item in BUILTIN]
STORAGES = ("folder", "memory", "s3")
SIZES = (1_000, 100_000, 10_000_000)


def _value(name: str, folder: Path) -> Any:
    try:
        return VALUES[name](folder)
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", SERIALIZERS)
def test_save(benchmark: Any, tmp_path: Path, name: str) -> None:
    value, keys = _value(name, tmp_path), itertools.count()

    def fresh() -> tuple[tuple[Any, str], dict[str, Any]]:
        turn = next(keys)  # a store of its own: equal parts would not be written again
        store = ArtifactStore(tmp_path / str(turn), allow_pickle=True)
        return (store, f"key{turn}"), {}

    def save(store: ArtifactStore, key: str) -> None:
        assert store.put(value, key, serializer=name).serializer == name

    benchmark.pedantic(save, setup=fresh, rounds=10, warmup_rounds=1)


@pytest.mark.parametrize("name", SERIALIZERS)
def test_load(benchmark: Any, tmp_path: Path, name: str) -> None:
    store = ArtifactStore(tmp_path / "store", allow_pickle=True)
    store.put(_value(name, tmp_path), "key", serializer=name)
    benchmark(store.get, "key")


@pytest.fixture(scope="session")
def server() -> Iterator[S3Server]:
    pytest.importorskip("moto")
    pytest.importorskip("s3fs")
    with S3Server() as running:
        yield running


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return open_storage(str(tmp_path))
    if request.param == "memory":
        return open_storage(f"memory://{tmp_path.name}")
    server = request.getfixturevalue("server")
    return open_storage(f"s3://{server.bucket()}/prefix", **server.storage_options())


@pytest.mark.parametrize("size", SIZES)
def test_put(benchmark: Any, storage: Storage, size: int) -> None:
    data = os.urandom(size)
    benchmark.pedantic(lambda: storage.put("parts/one", data), rounds=10, warmup_rounds=1)


@pytest.mark.parametrize("size", SIZES)
def test_get(benchmark: Any, storage: Storage, size: int) -> None:
    storage.put("parts/one", os.urandom(size))
    got = benchmark.pedantic(lambda: bytes(storage.get("parts/one")), rounds=10, warmup_rounds=1)
    assert len(got) == size

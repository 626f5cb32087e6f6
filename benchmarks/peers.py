"""What other libraries do by default with the same values.

joblib and cloudpickle are called as they are. The orchestrators are heavy to install, so the steps that
their defaults take are done here one by one, with the libraries that they call; each docstring says
which. What that leaves out (databases, services, threads) would only make them slower.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pandas as pd
from PIL import Image

Save = Callable[[Any, str], None]
Load = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Peer:
    """How a library saves and loads, and which values it takes that way."""

    name: str
    save: Save
    load: Load
    takes: tuple[type, ...] = (object,)


class Contestant:
    """A peer at work in a folder."""

    def __init__(self, folder: Path, peer: Peer) -> None:
        self._folder = folder
        self._peer = peer
        self.name = peer.name

    def save(self, value: Any, key: str) -> None:
        self._peer.save(value, f"{self._folder}/{key}")

    def load(self, key: str) -> Any:
        return self._peer.load(f"{self._folder}/{key}")


def save_joblib(value: Any, path: str) -> None:
    joblib.dump(value, path)


def load_joblib(path: str) -> Any:
    return joblib.load(path)


def save_cloudpickle(value: Any, path: str) -> None:
    with open(path, "wb") as file:
        cloudpickle.dump(value, file)


def load_pickle(path: str) -> Any:
    with open(path, "rb") as file:
        return pickle.load(file)


def save_dagster(value: Any, path: str) -> None:
    """The file system manager: pickle protocol 4 into a file."""
    with open(path, "wb") as file:
        pickle.dump(value, file, protocol=4)


def save_prefect(value: Any, path: str) -> None:
    """Cloudpickle, base64 with line breaks, inside a JSON document."""
    text = base64.encodebytes(cloudpickle.dumps(value)).decode()
    Path(path).write_bytes(json.dumps({"metadata": {}, "result": text}).encode())


def load_prefect(path: str) -> Any:
    text = json.loads(Path(path).read_bytes())["result"]
    return pickle.loads(base64.decodebytes(text.encode()))


def save_metaflow(value: Any, path: str) -> None:
    """Pickle protocol 4, SHA-1 of it, gzip level 3."""
    data = pickle.dumps(value, protocol=4)
    hashlib.sha1(data).hexdigest()
    with gzip.GzipFile(path, "wb", compresslevel=3) as file:
        file.write(data)


def load_metaflow(path: str) -> Any:
    with gzip.GzipFile(path, "rb") as file:
        return pickle.loads(file.read())


def save_airflow(value: pd.DataFrame, path: str) -> None:
    """Parquet with snappy, as hexadecimal text inside JSON."""
    buffer = io.BytesIO()
    value.to_parquet(buffer, engine="pyarrow", compression="snappy")
    Path(path).write_text(json.dumps({"__data__": buffer.getvalue().hex()}))


def load_airflow(path: str) -> pd.DataFrame:
    text = json.loads(Path(path).read_text())["__data__"]
    return pd.read_parquet(io.BytesIO(bytes.fromhex(text)))


def save_kedro(value: pd.DataFrame, path: str) -> None:
    """pandas' own Parquet, snappy; flytekit does the same with microseconds forced."""
    value.to_parquet(path)


def save_zenml(value: pd.DataFrame, path: str) -> None:
    """pandas' Parquet with gzip."""
    value.to_parquet(path, compression="gzip")


def load_parquet(path: str) -> pd.DataFrame:
    return pd.read_parquet(path)


def save_npz(value: Any, path: str) -> None:
    """numpy's own: what several peers do with arrays."""
    with open(path, "wb") as file:
        np.save(file, value)


def load_npz(path: str) -> Any:
    return np.load(path)


def save_json(value: Any, path: str) -> None:
    """The standard library's JSON, as Prefect's, ZenML's and Kedro's JSON serializers."""
    Path(path).write_text(json.dumps(value))


def load_json(path: str) -> Any:
    return json.loads(Path(path).read_text())


def save_png(value: Image.Image, path: str) -> None:
    """Pillow's defaults, as Kedro and ZenML use them."""
    value.save(path, "PNG")


def load_png(path: str) -> Any:
    image = Image.open(path)
    image.load()
    return image


PEERS = {
    peer.name: peer
    for peer in (
        Peer("joblib", save_joblib, load_joblib),
        Peer("cloudpickle", save_cloudpickle, load_pickle),
        Peer("Dagster", save_dagster, load_pickle),
        Peer("Prefect", save_prefect, load_prefect),
        Peer("Metaflow", save_metaflow, load_metaflow),
        Peer("Airflow", save_airflow, load_airflow, (pd.DataFrame,)),
        Peer("Kedro", save_kedro, load_parquet, (pd.DataFrame,)),
        Peer("ZenML", save_zenml, load_parquet, (pd.DataFrame,)),
        Peer("numpy.save", save_npz, load_npz, (np.ndarray,)),
        Peer("json", save_json, load_json, (list,)),
        Peer("Pillow PNG", save_png, load_png, (Image.Image,)),
    )
}

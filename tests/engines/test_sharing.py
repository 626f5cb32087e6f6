"""Operators that hand work of their own to other processes."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from types import SimpleNamespace

import pytest

import aqueduct_core as aq
from tests.engines import points
from tests.engines.conftest import Workshop
from tests.engines.points import FACTOR, OddError, Point, scale


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_functions_and_classes_of_the_users_own_go_to_other_processes(
    workshop: Workshop, start: str
) -> None:
    @aq.op
    def spread() -> list[str]:
        context = multiprocessing.get_context(start)
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            found = [*pool.map(scale, [Point(1), Point(2)])]
            found.append(pool.submit(lambda: Point(FACTOR)).result())
            failed = pool.submit(scale, Point(-1)).exception()
        assert all(type(item) is Point for item in found)
        assert type(failed) is OddError
        with context.Pool(1) as old:
            found += old.map(Point.scaled, [Point(5)])
        return [str(item.x) for item in found]

    run = workshop.run(spread())
    assert run.wait() == "succeeded", run.results()["spread"]
    assert run.value("spread") == ["3", "6", "3", "15"]


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_modules_of_the_users_own_go_along(workshop: Workshop, start: str) -> None:
    @aq.op
    def spread() -> list[int]:
        from tests.engines.points import scale as imported

        context = multiprocessing.get_context(start)
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            found = [*pool.map(imported, [points.Point(1)])]
            found.append(pool.submit(lambda: points.Point(points.FACTOR)).result())
        return [item.x for item in found]

    run = workshop.run(spread())
    assert run.wait() == "succeeded", run.results()["spread"]
    assert run.value("spread") == [3, 3]


def test_joblib_sends_along_what_is_the_users_own(workshop: Workshop) -> None:
    joblib = pytest.importorskip("joblib", reason="`pip install joblib`")

    @aq.op
    def spread() -> list[int]:
        from tests.engines.points import scale as imported

        one = [points.Point(1)]
        found = joblib.Parallel(n_jobs=2)(joblib.delayed(imported)(item) for item in one)
        found += joblib.Parallel(n_jobs=2)(
            joblib.delayed(lambda point: points.scale(point))(item) for item in one
        )
        assert all(type(item) is Point for item in found)
        return [item.x for item in found]

    run = workshop.run(spread())
    assert run.wait() == "succeeded", run.results()["spread"]
    assert run.value("spread") == [3, 3]


def test_plain_pickle_is_told_what_sends_functions_along(workshop: Workshop) -> None:
    @aq.op
    def plain() -> bytes:
        return pickle.dumps(scale)

    run = workshop.run(plain())
    assert run.wait() == "failed"
    assert "concurrent.futures and joblib send them along" in str(run.results()["plain"].reason)


def test_nothing_is_imported_for_operators_that_start_no_process() -> None:
    code = (
        "import sys; from aqueduct_core.runtime._sharing import share_by_value\n"
        "share_by_value(); share_by_value()\n"
        "assert 'multiprocessing' not in sys.modules\n"
        "assert sum(type(item).__name__ == '_Watch' for item in sys.meta_path) == 1\n"
        "from multiprocessing.reduction import ForkingPickler\n"
        "assert hasattr(ForkingPickler, 'reducer_override')\n"
        "assert not any(type(item).__name__ == '_Watch' for item in sys.meta_path)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_others_can_import_goes_by_name() -> None:
    from aqueduct_core.runtime import _sharing

    for known in (SimpleNamespace, subprocess.run, aq.ArtifactStore):
        assert _sharing._reduce(None, known) is NotImplemented
    assert _sharing._reduce(None, [1]) is NotImplemented

"""How much memory it takes to save and load a table, beyond the table: in a process that does nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CASES = [
    *(
        ("pandas", kind)
        for kind in ("floats", "strings", "giant", "mixed", "wide", "nested", "coded")
    ),
    *(("polars", kind) for kind in ("strings", "mixed", "nested", "coded")),
    *(("pyarrow", kind) for kind in ("strings", "wide", "seconds")),
]
MAPPED = [
    *(("pandas", kind) for kind in ("floats", "mixed", "wide")),
    *(("polars", "strings"), ("polars", "nested"), ("polars", "coded"), ("pyarrow", "nested")),
]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux lets a peak be set back"
)


def child(folder: Path, *arguments: str, **environment: str) -> list[float]:
    """What the process prints. It gets no variables of ours: some libraries set those that Arrow heeds."""
    code = ["-m", "tests.serializers.tables.memory_child", str(folder), *arguments]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
    )
    return [float(figure) for figure in done.stdout.split()]


@pytest.mark.parametrize(("library", "kind"), CASES)
def test_parquet_takes_little_more_memory_than_the_table(
    library: str, kind: str, tmp_path: Path
) -> None:
    saving, size = child(tmp_path, library, kind, "parquet", "save")
    assert saving < 0.3
    loading, arrow, _ = child(tmp_path, library, kind, "parquet", "load", str(int(size)))
    assert loading < 1.3  # with the file in memory as well it would be up to 2
    assert arrow < 0.15  # that is all that Arrow asks for; its allocator takes the rest


@pytest.mark.parametrize(
    "environment", [{"OMP_NUM_THREADS": "16"}, {"ARROW_DEFAULT_MEMORY_POOL": "system"}]
)
def test_it_is_the_same_with_many_threads_and_another_allocator(
    environment: dict[str, str], tmp_path: Path
) -> None:
    _, size = child(tmp_path, "pyarrow", "mixed", "parquet", "save")
    arguments = ("pyarrow", "mixed", "parquet", "load", str(int(size)))
    loading, *_ = child(tmp_path, *arguments, **environment)
    assert loading < 1.3


@pytest.mark.parametrize(("library", "kind"), MAPPED)
def test_arrow_files_take_next_to_no_memory(library: str, kind: str, tmp_path: Path) -> None:
    saving, size = child(tmp_path, library, kind, "arrow", "save")
    assert saving < 0.1
    loading, arrow, pages = child(tmp_path, library, kind, "arrow", "load", str(int(size)))
    assert (
        loading - pages < 0.1
    )  # pages of a mapped file are the system's, to be had back at any time
    assert arrow < 0.02

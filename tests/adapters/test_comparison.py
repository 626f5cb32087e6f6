"""The page of the comparison says what the tools do."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.comparison import LOCKS, PAGE, cells, measure
from tests.environments import is_for_this_python

pytestmark = [pytest.mark.integration, pytest.mark.network, pytest.mark.timeout(1200)]


@pytest.mark.parametrize("tool", LOCKS)
def test_the_page_says_what_a_tool_does(tool: str, tmp_path: Path) -> None:
    lock = LOCKS[tool]
    if lock is not None and not is_for_this_python(lock):
        pytest.skip(f"the {tool} of these tests is one of Python 3.11")
    try:
        found = measure(tool, tmp_path)
    except RuntimeError as error:
        if "Failed to fetch" in str(error) or "error sending request" in str(error):
            pytest.skip("there is no package index")
        raise
    words = {value: word for value, (word, _) in found.items()}
    assert cells(PAGE.read_text(encoding="utf-8"))[tool] == words, (
        "python -m benchmarks.comparison --docs"
    )


def test_our_own_column_is_without_a_loss() -> None:
    ours = cells(PAGE.read_text(encoding="utf-8"))["aqueduct_core"]
    words = [*ours.values()]
    assert words[-2:] == ["noticed", "not stored"]
    assert set(words[:-2]) == {"exact"}

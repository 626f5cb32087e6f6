"""The rules of the house that no tool knows, and that the documentation keeps up with the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import aqueduct_core
from aqueduct_core import errors, registry
from aqueduct_core.encoding import PROFILES
from aqueduct_core.serializers import BUILTIN, tagged
from aqueduct_core.serializers.tagged._base import READERS, SHELLS

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "aqueduct_core").rglob("*.py"))
ABOUT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LONGEST = 400


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def page(stem: str) -> str:
    return (ROOT / "docs" / f"{stem}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("source", SOURCES, ids=name)
def test_files_are_short(source: Path) -> None:
    lines = source.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST, "divide it by concern"


@pytest.mark.parametrize("source", SOURCES, ids=name)
def test_what_is_ignored_has_a_reason(source: Path) -> None:
    bare = [
        number
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"# type: ignore(\[[\w, -]+\])?\s*$", line)
    ]
    assert not bare, f"lines {bare}"


@pytest.mark.parametrize("source", SOURCES, ids=name)
def test_nothing_is_left_to_do(source: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", source.read_text(encoding="utf-8"))


def test_there_is_one_version() -> None:
    assert ABOUT["tool"]["hatch"]["version"]["path"] == "aqueduct_core/_version.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", aqueduct_core.__version__)
    assert aqueduct_core.__version__ in (ROOT / "CHANGELOG.md").read_text()


def test_extras_that_errors_name_exist() -> None:
    extras = ABOUT["project"]["optional-dependencies"]
    named = {item.extra for item in BUILTIN if item.extra}
    for source in SOURCES:
        text = source.read_text(encoding="utf-8")
        named |= set(re.findall(r'MissingExtraError\(\s*"[^"]+",\s*"(\w+)"', text))
        named |= set(re.findall(r"aqueduct-core\[(\w+)\]", text))
    assert named <= set(extras)


def test_entry_points_are_as_documented() -> None:
    assert registry.GROUP == "aqueduct_core.serializers"
    assert f'[project.entry-points."{registry.GROUP}"]' in page("plugins")


def test_every_serializer_is_documented() -> None:
    missing = [item.name for item in BUILTIN if f"| `{item.name}` |" not in page("serializers")]
    assert not missing


def test_every_tag_is_documented() -> None:
    assert tagged.__name__  # importing it fills the tables
    table = page("format").partition("<!-- tags: begin -->")[2].partition("<!-- tags: end -->")[0]
    documented = set()
    for line in table.splitlines():
        documented |= set(re.findall(r"`([^`]+)`", line.split("|")[1])) if "|" in line else set()
    ours = {tag for tag in (*READERS, *SHELLS) if not tag.startswith(("numpy", "pandas", "pytz"))}
    assert ours <= documented, ours - documented


def test_every_profile_is_documented() -> None:
    rows = re.findall(r"^\| (\w+) \| ([\d,]+) \| ([\d,]+) \| ", page("encoding"), re.MULTILINE)
    found = {row[0]: tuple(int(cell.replace(",", "")) * 1e6 for cell in row[1:]) for row in rows}
    ours = {name: (place.upload, place.download) for name, place in PROFILES.items()}
    assert found == ours, "python -m benchmarks.encodings --docs"


def test_every_error_is_one_of_ours() -> None:
    for public in errors.__all__:
        assert issubclass(getattr(errors, public), errors.AqueductError)

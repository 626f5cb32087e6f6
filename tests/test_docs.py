"""Every Python block in the documentation runs; every other block says what it is.

Blocks of one page run in order and share their names, in an empty folder, as a reader would type
them. A block that is not meant to run has another language: `text`, `bash`, `toml`, `json`. One
that shows an error is followed by nothing special: it catches the error itself. A fence may carry
`{ .python .fragment }` when it is part of a class or signature, which is then only compiled.
"""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from aqueduct_core.cli._parser import parser

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
OTHER = {"bash", "ini", "json", "mermaid", "text", "toml", "yaml"}
FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<info>[^\n`]*)$")


@dataclass(frozen=True, slots=True)
class Block:
    page: Path
    line: int
    language: str
    code: str


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page; indented ones (inside tabs and notes) are dedented."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        opening = FENCE.match(lines[number])
        number += 1
        if not opening:
            continue
        first, indent = number, len(opening["indent"])
        while number < len(lines) and lines[number].strip() != opening["ticks"]:
            number += 1
        code = "\n".join(line[indent:] for line in lines[first:number])
        found.append(Block(page, first + 1, opening["info"].strip(), code))
        number += 1
    return found


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_blocks_are_marked(page: Path) -> None:
    unknown = [
        f"{name(page)}:{block.line}: {block.language or 'no language'}"
        for block in blocks(page)
        if block.language not in OTHER | {"python", "{ .python .fragment }"}
    ]
    assert not unknown, unknown


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AQUEDUCT_HOME", str(tmp_path / "home"))
    # A module of its own, so that classes a page defines can be found by their names.
    module = type(sys)(f"page_{page.stem.lower()}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in blocks(page):
        if block.language == "python":
            # Blank lines before it make a traceback point at the line of the page.
            code = "\n" * (block.line - 1) + block.code
            exec(compile(code, str(page), "exec", dont_inherit=True), module.__dict__)
        elif block.language == "{ .python .fragment }":
            ast.parse(block.code)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing, f"{name(page)}: {missing}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_are_understood(page: Path) -> None:
    for line in (
        line
        for block in blocks(page)
        if block.language == "bash"
        for line in block.code.replace("\\\n", " ").splitlines()
    ):
        words = shlex.split(line, comments=True)
        if words[:1] == ["aqueduct"]:
            end = next((at for at, word in enumerate(words) if word in (">", "|", "&&")), None)
            try:
                parser().parse_args(words[1:end])
            except SystemExit:
                pytest.fail(f"{name(page)}: {line}")


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    """Links to headings, and names in the reference, are looked up only then."""
    pytest.importorskip("mkdocs", reason='pip install -e ".[docs]"')
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "operations" / "index.html").exists()

"""Kinds of integrations: built in and registered by packages, and settings that don't fit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aqueduct_core.errors import IntegrationError, PluginError, UnsupportedError
from aqueduct_core.integrations import _kinds, kinds, open_integration


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that registers two kinds, one of which is broken."""
    (tmp_path / "acme_pond.py").write_text(
        "class Pond:\n"
        "    kind = 'pond'\n"
        "    secrets = frozenset({'token'})\n"
        "    def __init__(self, name, *, shore, token=None):\n"
        "        self.name, self.shore = name, shore\n"
    )
    metadata = tmp_path / "acme_pond-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-pond\nVersion: 1\n")
    points = "pond = acme_pond:Pond\nswamp = acme_pond:Swamp\nsqlite = acme_pond:Pond\n"
    (metadata / "entry_points.txt").write_text(f"[{_kinds.GROUP}]\n{points}")
    monkeypatch.syspath_prepend(tmp_path)
    _kinds._plugins.cache_clear()
    yield
    _kinds._plugins.cache_clear()


def test_built_in_kinds_are_listed() -> None:
    assert "sqlite" in kinds()
    with pytest.raises(UnsupportedError, match=r"kind 'nope'[\s\S]*what there is: .*sqlite"):
        open_integration("w", "nope", {})


@pytest.mark.usefixtures("plugin")
def test_a_package_registers_a_kind() -> None:
    assert {"pond", "sqlite", "swamp"} <= set(kinds())
    assert open_integration("w", "pond", {"shore": "north"}).shore == "north"
    assert open_integration("w", "sqlite", {"path": "w.db"}).kind == "sqlite"
    with pytest.raises(PluginError, match="'swamp' of acme-pond can't be imported"):
        open_integration("w", "swamp", {})


@pytest.mark.usefixtures("plugin")
def test_settings_that_do_not_fit_are_named() -> None:
    with pytest.raises(IntegrationError, match=r"no setting 'coast'[\s\S]*shore, token"):
        open_integration("w", "pond", {"shore": "north", "coast": 1})
    with pytest.raises(IntegrationError, match=r"needs the setting 'shore'"):
        open_integration("w", "pond", {})
    with pytest.raises(IntegrationError, match="no setting 'file'"):
        open_integration("w", "sqlite", {"file": "x"})

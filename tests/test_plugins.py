"""Serializers, storages, integrations and engines of other packages: found through entry points, and
every way in which that goes wrong.

`tests/plugins/` holds small packages as third parties write them. They are installed into a folder of
their own, metadata included, so what is tested is what `pip install` would bring.
"""

from __future__ import annotations

import json
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core import ArtifactStore, Registry
from aqueduct_core.engines import _plugins
from aqueduct_core.errors import (
    DuplicateSerializerError,
    FormatVersionError,
    PluginError,
    SerializerNotFoundError,
    UnsupportedError,
)
from aqueduct_core.integrations import _kinds, kinds
from aqueduct_core.storage import open_storage
from aqueduct_core.testing import StorageTests

PROJECTS = Path(__file__).parent / "plugins"
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs projects of `tests/plugins`; they are gone after the test."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def install(*names: str) -> None:
        for name in names:
            _install(PROJECTS / name, tmp_path)

    _forget()
    yield install
    _forget()
    for name in set(sys.modules) - before:
        if name.startswith(("acme", "rival", "broken")):
            del sys.modules[name]


def _forget() -> None:
    """What is installed is looked up once a process."""
    _kinds._plugins.cache_clear()
    _plugins._plugins.cache_clear()


def _install(project: Path, site: Path) -> None:
    about = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    for module in project.glob("*.py"):
        copy(module, site)
    name, version = about["name"], about["version"]
    metadata = site / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, points in about["entry-points"].items():
        lines += [f"[{group}]", *(f"{key} = {target}" for key, target in points.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")


def store(url: str = "memory://plugins", **options: object) -> ArtifactStore:
    return ArtifactStore(url, registry=Registry(), **options)  # type: ignore[arg-type]


def test_a_plugin_stores_its_type(install: Install) -> None:
    install("point")
    from acme_point import Point

    there = store()
    ref = there.put(Point(1.5, -2.0), "corner")
    assert ref.serializer == "acme.point"
    assert there.get("corner") == Point(1.5, -2.0)
    assert there.manifest(ref).content.package == "acme-point 1.2"


def test_a_plugin_takes_subclasses_unless_it_says_otherwise(install: Install) -> None:
    install("point")
    from acme_point import Point

    class Labelled(Point):
        pass

    assert store().put(Labelled(0, 0), "corner").serializer == "acme.point"


def test_a_plugin_is_listed(install: Install) -> None:
    install("point")
    (info,) = [info for info in Registry().serializers() if info.name == "acme.point"]
    assert (info.version, info.package, info.state) == (1, "acme-point 1.2", "ok")
    assert info.types == ("acme_point.Point",)


def test_plugins_are_not_imported_for_types_that_need_none(install: Install) -> None:
    install("point")
    there = store()
    there.put("text", "note")
    assert there.get("note") == "text"
    assert "acme_point" not in sys.modules


def test_a_broken_plugin_is_a_warning_and_the_rest_works(install: Install) -> None:
    install("broken", "point")
    registry = Registry()
    with pytest.warns(RuntimeWarning, match=r"broken\.thing.*broken-plugin 2\.0.*libthing"):
        infos = registry.serializers()
    (broken,) = [info for info in infos if info.name == "broken.thing"]
    assert broken.version is None
    assert "libthing" in broken.state
    from acme_point import Point

    there = ArtifactStore("memory://broken", registry=registry)
    there.put(Point(1, 2), "corner")
    assert there.get("corner") == Point(1, 2)
    with warnings.catch_warnings():  # it has been said once
        warnings.simplefilter("error")
        registry.serializers()


def test_a_broken_plugin_is_an_error_when_it_is_needed(install: Install) -> None:
    install("broken")
    registry = Registry()
    with pytest.warns(RuntimeWarning, match="broken"):
        registry.serializers()
    with pytest.raises(PluginError, match=r"broken-plugin 2\.0.*libthing") as caught:
        registry.by_name("broken.thing", "broken-plugin 2.0")
    assert "broken-plugin" in (caught.value.hint or "")
    assert isinstance(caught.value.__cause__, ImportError)


def test_two_plugins_for_one_type_must_be_decided(install: Install) -> None:
    install("point", "rival")
    from acme_point import Point

    registry = Registry()
    there = ArtifactStore("memory://rivals", registry=registry)
    with pytest.raises(DuplicateSerializerError) as caught:
        there.put(Point(1, 2), "corner")
    for named in ("acme_point.Point", "acme-point 1.2", "rival-geometry 0.3", "prefer"):
        assert named in str(caught.value)
    registry.prefer("rival.point")
    assert there.put(Point(1, 2), "corner").serializer == "rival.point"
    assert there.get("corner") == Point(1, 2)


def test_what_either_of_two_rivals_wrote_is_read_by_its_writer(install: Install) -> None:
    install("point", "rival")
    from acme_point import Point

    registry = Registry()
    there = ArtifactStore("memory://rivals", registry=registry)
    for name in ("acme.point", "rival.point"):
        registry = Registry()
        registry.prefer(name)
        ArtifactStore(there.storage, registry=registry).put(Point(1, 2), name)
    registry = Registry()
    reader = ArtifactStore(there.storage, registry=registry)
    assert reader.get("acme.point") == reader.get("rival.point") == Point(1, 2)


def test_preferring_what_is_not_there_is_an_error() -> None:
    with pytest.raises(SerializerNotFoundError, match="nobody"):
        Registry().prefer("nobody.knows")


def test_a_missing_plugin_is_named_with_its_package(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install("point")
    from acme_point import Point

    there = store()
    there.put(Point(1, 2), "corner")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(tmp_path)])
    elsewhere = ArtifactStore(there.storage, registry=Registry())
    assert elsewhere.manifest("corner").type == "object"  # metadata needs no plugin
    with pytest.raises(SerializerNotFoundError, match=r"acme\.point") as caught:
        elsewhere.get("corner")
    assert 'pip install "acme-point>=1.2"' in (caught.value.hint or "")


def test_a_plugin_older_than_the_data_is_refused(install: Install) -> None:
    install("point")
    import acme_point

    there = store()
    acme_point.PointSerializer.version = 2
    try:
        there.put(acme_point.Point(1, 2), "corner")
    finally:
        acme_point.PointSerializer.version = 1
    with pytest.raises(FormatVersionError, match=r"version 2 .*acme\.point") as caught:
        there.get("corner")
    assert "acme-point>=1.2" in (caught.value.hint or "")


def test_a_plugin_newer_than_the_data_reads_it(install: Install) -> None:
    install("point")
    import acme_point

    there = store()
    there.put(acme_point.Point(1, 2), "corner")
    acme_point.PointSerializer.version = 2
    try:
        assert there.get("corner") == acme_point.Point(1, 2)
    finally:
        acme_point.PointSerializer.version = 1


def test_a_plugin_cannot_take_a_name_that_is_taken(install: Install, tmp_path: Path) -> None:
    install("point")
    module = tmp_path / "acme_point.py"
    module.write_text(module.read_text().replace('name = "acme.point"', 'name = "json"'))
    with pytest.warns(RuntimeWarning, match="'json' of acme-point 1.2 is already used by aqueduct"):
        infos = Registry().serializers()
    (package,) = [info.package for info in infos if info.name == "json"]
    assert package.startswith("aqueduct-core")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("version = 1", "version = '1'", "version"),
        ("types = (Point,)", "types = [Point]", "types"),
        ("def load(", "def read(", "load"),
    ],
)
def test_what_is_no_serializer_is_named_as_such(
    install: Install, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    install("point")
    module = tmp_path / "acme_point.py"
    module.write_text(module.read_text().replace(old, new))
    with pytest.warns(RuntimeWarning, match=f"PointSerializer is not a serializer.*{reason}"):
        Registry().serializers()


def test_serializers_are_registered_by_hand_too(install: Install) -> None:
    install("point")
    from acme_point import Point, PointSerializer

    registry = Registry(plugins=False)
    registry.register(PointSerializer)
    registry.register(PointSerializer())  # again, as a reloaded notebook cell does
    there = ArtifactStore("memory://by-hand", registry=registry)
    there.put(Point(1, 2), "corner")
    assert there.get("corner") == Point(1, 2)
    assert json.loads(there.open("corner").read()) == {"x": 1, "y": 2}


def test_a_storage_of_another_package_is_opened_by_its_scheme(install: Install) -> None:
    install("cellar")
    there = ArtifactStore("cellar://wine", storage_options={"dusty": True})
    ref = there.put({"year": 1982}, "best")
    assert ArtifactStore("cellar://wine").get(ref) == {"year": 1982}
    assert type(there.storage).__name__ == "CellarStorage"
    with pytest.raises(PluginError, match=r"'swamp' of acme-cellar.*can't be loaded"):
        open_storage("swamp://x")


class TestCellarStorage(StorageTests):
    """The kit takes a storage of another package as it takes ours."""

    large = 1 << 20
    many = 50

    @pytest.fixture
    def storage(self, install: Install, tmp_path: Path) -> object:
        install("cellar")
        return open_storage(f"cellar://{tmp_path.name}")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[aq.Client]:
    monkeypatch.delenv("AQUEDUCT_DATABASE", raising=False)
    with aq.Client(home=tmp_path / "home") as client:
        yield client


@aq.op
def doubled(fish: list[str]) -> list[str]:
    return [*fish, *fish]


def test_an_integration_of_another_package_reads_and_saves(
    install: Install, client: aq.Client, tmp_path: Path
) -> None:
    install("lake", "engine")
    shore = tmp_path / "shore.txt"
    shore.write_text("trout-1\npike-1\ntrout-2\n")
    assert "lake" in kinds()
    with pytest.raises(aq.errors.IntegrationError, match="the permit was refused"):
        client.connect_integration("pond", "lake", shore=str(shore), permit="forged")
    pond: Any = client.connect_integration("pond", "lake", shore=str(shore), permit="s3cret")
    more = doubled(pond.fish("trout"))
    assert more.get() == ["trout-1", "trout-2"] * 2
    pond.release(more, "bred")
    flow = client.publish_flow("Breeding", more, engine="acme", quiet=True)
    assert flow.latest().status == "succeeded"
    assert flow.saved() == [("pond", "bred")]
    assert shore.read_text().count("bred-trout-1") == 2
    assert client.delete_flow("Breeding", "all").dropped == (("pond", "bred"),)
    assert "bred" not in shore.read_text()
    content = b"".join(path.read_bytes() for path in (tmp_path / "home").glob("aqueduct.db*"))
    assert b"s3cret" not in content


def test_an_engine_of_another_package_runs_workflows(install: Install, client: aq.Client) -> None:
    install("engine")
    count = client.create_param("count", 2)

    @aq.op
    def numbers(count: int) -> list[int]:
        return list(range(count))

    @aq.metric
    def total(values: list[int]) -> int:
        if len(values) > 3:
            raise ValueError("too many")
        return sum(values)

    made = numbers(count)
    total(made)
    flow = client.publish_flow("Counting", made, engine="acme", quiet=True)
    assert flow.engine == "acme"
    first = flow.latest()
    assert first.status == "succeeded"
    assert first.artifact("numbers").get() == [0, 1]
    assert first.metrics() == {"total": 1}
    second = flow.trigger({"count": 4}, quiet=True)
    assert second.status == "failed"
    assert "too many" in str(second.error("total"))
    assert second.retry(quiet=True).status == "failed"
    flow.pause()
    flow.resume()
    assert client.delete_flow("Counting").runs == 2


def test_an_engine_that_does_not_work_is_named(install: Install, client: aq.Client) -> None:
    install("engine")
    made = doubled(client.create_param("fish", ["trout"]))
    with pytest.raises(PluginError, match=r"'swamp' of acme-engine 0\.4 can't be opened"):
        client.publish_flow("F", made, engine="swamp", quiet=True)
    with pytest.raises(PluginError, match=r"'hollow' of acme-engine 0\.4 .*has no deploy"):
        client.publish_flow("F", made, engine="hollow", quiet=True)
    with pytest.raises(UnsupportedError, match=r"no engine 'nope'; there is: 'local', 'acme'"):
        client.publish_flow("F", made, engine="nope", quiet=True)
    assert client.flows() == []

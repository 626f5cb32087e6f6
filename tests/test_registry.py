from __future__ import annotations

import enum
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from aqueduct_core.abc import Picks
from aqueduct_core.errors import (
    DuplicateSerializerError,
    FormatVersionError,
    MissingExtraError,
    SerializerNotFoundError,
)
from aqueduct_core.registry import Registry, supports
from aqueduct_core.serializers import BUILTIN, Builtin


class Point:
    pass


class SubPoint(Point):
    pass


def make(name: str, *types: type | str, version: int = 1) -> Any:
    class Fake:
        def dump(self, obj: Any, sink: Any) -> None: ...

        def load(self, source: Any) -> Any: ...

    Fake.name, Fake.version, Fake.types = name, version, types  # type: ignore[attr-defined] # built per test
    return Fake()


@pytest.fixture
def registry() -> Registry:
    return Registry(plugins=False)


def names(registry: Registry, cls: type) -> list[str]:
    return [entry.name for entry in registry.candidates(cls)]


def test_the_exact_class_comes_before_its_bases(registry: Registry) -> None:
    registry.register(make("a.base", Point), package="a 1")
    assert names(registry, SubPoint) == ["a.base", "json", "pickle"]
    registry.register(make("a.sub", SubPoint), package="a 1")
    assert names(registry, SubPoint) == ["a.sub", "a.base", "json", "pickle"]
    assert names(registry, Point) == ["a.base", "json", "pickle"]


def test_a_type_named_by_a_string_is_not_imported(registry: Registry) -> None:
    registry.register(make("a.point", f"{__name__}.Point", "nowhere.at.All"), package="a 1")
    assert names(registry, Point)[0] == "a.point"


def test_two_packages_for_one_type_is_an_error_until_one_is_preferred(registry: Registry) -> None:
    registry.register(make("a.point", Point), package="alpha 1.0")
    registry.register(make("b.point", Point), package="beta 2.0")
    with pytest.raises(DuplicateSerializerError, match=r"alpha 1\.0 and beta 2\.0") as raised:
        registry.candidates(Point)
    assert 'registry.prefer("b.point")' in str(raised.value)
    registry.prefer("b.point")
    assert names(registry, Point)[0] == "b.point"


def test_a_name_belongs_to_one_package(registry: Registry) -> None:
    registry.register(make("a.point", Point), package="alpha 1.0")
    registry.register(make("a.point", Point, version=3), package="alpha 1.0")
    assert registry.by_name("a.point").version == 3
    with pytest.raises(DuplicateSerializerError, match=r"alpha 1\.0"):
        registry.register(make("a.point", Point), package="beta 2.0")


def test_an_unknown_name_says_what_to_install(registry: Registry) -> None:
    with pytest.raises(SerializerNotFoundError, match=r'pip install "acme>=1\.2"'):
        registry.by_name("acme.point", "acme 1.2")
    with pytest.raises(SerializerNotFoundError, match="pickle"):
        registry.by_name("acme.point")


def test_a_newer_writer_says_what_to_upgrade(registry: Registry) -> None:
    registry.register(make("acme.point", Point, version=2), package="acme 1.2")
    assert registry.reader("acme.point", 1).version == 2
    with pytest.raises(FormatVersionError, match=r'pip install "acme>=1\.9"'):
        registry.reader("acme.point", 3, "acme 1.9")
    with pytest.raises(FormatVersionError, match=r"pip install --upgrade acme\.point"):
        registry.reader("acme.point", 3)


def test_a_newer_release_of_ours_is_not_to_be_taken_from_another_project(
    registry: Registry,
) -> None:
    with pytest.raises(SerializerNotFoundError, match=r"install aqueduct_core 9\.1 or newer from"):
        registry.by_name("tensor", "aqueduct-core 9.1")


@pytest.mark.parametrize("lacking", ["name", "version", "types", "dump", "load"])
def test_what_is_not_a_serializer_is_refused(registry: Registry, lacking: str) -> None:
    serializer = make("a.point", Point)
    setattr(type(serializer), lacking, None)
    with pytest.raises(TypeError, match=lacking):
        registry.register(serializer)


def test_a_missing_library_names_its_extra() -> None:
    registry = Registry(plugins=False)
    entry = registry.entry("arrow")
    entry.target = "not_installed_anywhere:Serializer"
    with pytest.raises(MissingExtraError, match=r'pip install "aqueduct-core\[tables\]"'):
        entry.load()
    entry.needs = ("not_installed_anywhere",)
    (info,) = (info for info in registry.serializers() if info.name == "arrow")
    assert (info.version, info.safe) == (None, None)
    assert info.state == 'not installed: pip install "aqueduct-core[tables]"'


def test_what_is_installed_and_broken_is_found_when_it_is_checked(registry: Registry) -> None:
    entry = registry.entry("npy")
    entry.target = "aqueduct_core.errors:NoSuchClass"
    states = {info.name: info.state for info in registry.serializers()}
    assert states["npy"] == "ok"  # nothing was imported to find out
    states = {info.name: info.state for info in registry.serializers(check=True)}
    assert states["npy"].startswith("broken: AttributeError")
    assert states["text"] == "ok"


@pytest.mark.parametrize("item", BUILTIN, ids=lambda item: item.name)
def test_what_is_listed_of_a_serializer_is_what_it_says_itself(item: Builtin) -> None:
    try:
        serializer = Registry(plugins=False).by_name(item.name)
    except MissingExtraError as error:
        pytest.skip(str(error))
    assert (item.name, item.version) == (serializer.name, serializer.version)
    assert item.safe == getattr(serializer, "safe", True)
    assert item.family == getattr(serializer, "family", "")
    assert all(map(find_spec, item.needs)) or item.extra == "torch"


def test_listing_serializers_imports_none_of_their_libraries() -> None:
    code = "import sys, aqueduct_core as aq; aq.serializers(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    libraries = {library for item in BUILTIN for library in item.needs}
    assert libraries & set(done.stdout.split()) == set()


def test_the_listing_shows_name_version_types_package_state(registry: Registry) -> None:
    registry.register(make("a.point", Point), package="alpha 1.0")
    registry.prefer("a.point")
    found = {info.name: info for info in registry.serializers()}
    assert found["a.point"].state == "preferred"
    assert found["a.point"].package == "alpha 1.0"
    assert found["a.point"].types == (f"{__name__}.Point",)
    assert found["text"].types == ("str",)
    assert found["text"].package.startswith("aqueduct-core ")


def test_registered_at_run_time_the_package_is_read_from_the_module(registry: Registry) -> None:
    serializer = make("h.color", enum.Enum)
    type(serializer).__module__ = "hypothesis.extra"
    registry.register(serializer)
    assert registry.entry("h.color").package.startswith("hypothesis ")


def test_abilities_are_found_through_a_wrapper_each_time_anew() -> None:
    class Around:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    picky = make("picky", Point)
    picky.accepts = lambda obj: True
    assert supports(Around(picky), Picks)
    assert not supports(Around(make("plain", Point)), Picks)

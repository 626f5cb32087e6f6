"""Which serializer takes which type.

A `Registry` is an object of its own (`default_registry()` is the one that stores use unless they are
given another). Built-in serializers are known by name only and imported when a value of their types is
met; those of other packages are found through the entry point group `aqueduct_core.serializers`, once,
the first time that no built-in one fits.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from aqueduct_core._version import __version__, newer
from aqueduct_core.errors import (
    DuplicateSerializerError,
    FormatVersionError,
    MissingExtraError,
    PluginError,
    SerializerNotFoundError,
)
from aqueduct_core.serializers import BUILTIN, ON_REQUEST

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "Entry", "Registry", "SerializerInfo", "default_registry", "supports"]

GROUP = "aqueduct_core.serializers"
_abilities: dict[tuple[type, type], bool] = {}
OURS = f"aqueduct-core {__version__}"


@dataclass(frozen=True, slots=True)
class SerializerInfo:
    """What is known about one registered serializer.

    Attributes:
        name: Its permanent name.
        version: The version it writes, or None if it can't be loaded.
        types: The types it takes.
        package: The distribution it comes from, with its version.
        state: `ok`, `preferred`, `not installed: ` and what installs it, or why it can't be used.
        safe: Whether loading what it wrote runs no code; None if it can't be loaded.
        extra: The extra of this package that brings what it needs, or nothing.
    """

    name: str
    version: int | None
    types: tuple[str, ...]
    package: str
    state: str
    safe: bool | None = None
    extra: str = ""


@dataclass(slots=True, eq=False)
class Entry:
    """A registered serializer, loaded on first use."""

    name: str
    types: tuple[type | str, ...]
    package: str
    family: str = ""
    target: str = ""
    extra: str = ""
    needs: tuple[str, ...] = ()
    version: int = 1
    safe: bool = True
    builtin: bool = False
    plugin: bool = False
    _loaded: Any = field(default=None, repr=False)

    def load(self) -> Any:
        """The serializer itself.

        Raises:
            MissingExtraError: It is ours and needs a library that isn't installed.
        """
        if self._loaded is None:
            module, _, name = self.target.partition(":")
            try:
                self._loaded = getattr(import_module(module), name)()
            except ModuleNotFoundError as error:
                if (error.name or "").partition(".")[0] == "aqueduct_core" or not self.extra:
                    raise
                purpose = f"the serializer {self.name!r}"
                raise MissingExtraError(error.name or "a library", self.extra, purpose) from error
        return self._loaded


class Registry:
    """Serializers by name and by type.

    Args:
        plugins: Look for the serializers of other installed packages.
    """

    def __init__(self, *, plugins: bool = True) -> None:
        self._entries = [Entry(package=OURS, builtin=True, **asdict(item)) for item in BUILTIN]
        self._broken: dict[str, tuple[str, Exception]] = {}
        self._preferred: set[str] = set()
        self._discovered = not plugins
        self._discovering = False
        self._candidates: WeakKeyDictionary[type, tuple[Entry, ...]] = WeakKeyDictionary()
        self._lock = RLock()

    def register(self, serializer: Any, *, package: str | None = None) -> None:
        """Add a serializer (an instance, or a class that takes no arguments).

        Args:
            serializer: Anything with the attributes and methods of `abc.Serializer`.
            package: The distribution that provides it; read from its module if not given.

        Raises:
            TypeError: It isn't a serializer.
            DuplicateSerializerError: Its name is taken by another package.
        """
        instance = serializer() if isinstance(serializer, type) else serializer
        _check(instance)
        package = package or _package_of(type(instance).__module__)
        with self._lock:
            taken = self._named(instance.name)
            if taken is not None and taken.package != package:
                raise _taken(
                    taken,
                    package,
                    hint="names are stored for ever: choose one that starts with your package, "
                    f'such as "{package.split()[0]}.{instance.name}"',
                )
            # A new list each time: other threads are reading the old one.
            others = [entry for entry in self._entries if entry is not taken]
            self._entries = [*others, _entry_of(instance, package)]
            self._candidates.clear()

    def prefer(self, name: str) -> None:
        """Let this serializer win for its types over those of other packages.

        Raises:
            SerializerNotFoundError: No serializer of this name is installed.
        """
        self.by_name(name)
        with self._lock:
            self._preferred.add(name)
            self._candidates.clear()

    def candidates(self, cls: type) -> tuple[Entry, ...]:
        """The serializers for a class, best first: its own, then those of its base classes.

        Raises:
            DuplicateSerializerError: Two packages claim the class and neither is preferred.
        """
        found = self._candidates.get(cls)
        if found is None:
            with self._lock:
                found = self._find(cls)
                self._candidates[cls] = found
        return found

    def takes(self, entry: Entry, cls: type) -> bool:
        """Whether a serializer takes a class, chosen for it or only if it is asked to."""
        if entry.name in ON_REQUEST:
            return any(entry in self._matching(base) for base in cls.__mro__)
        return entry in self.candidates(cls)

    def by_name(self, name: str, package: str = "") -> Any:
        """The serializer of this name.

        Args:
            name: Its permanent name.
            package: The distribution that a manifest names as its provider, for the error text.

        Raises:
            SerializerNotFoundError: It isn't installed.
            PluginError: Its package can't be loaded.
        """
        return self.entry(name, package).load()

    def entry(self, name: str, package: str = "") -> Entry:
        """The registration of this name; raises like `by_name`."""
        found = self._named(name)
        if found is None:
            self._discover()  # waits for another thread that is at it
            found = self._named(name)
        if found is not None:
            return found
        for plugin, (provider, error) in self._broken.items():
            if plugin.startswith(f"{name} of ") or (
                package and provider.split()[0] == package.split()[0]
            ):
                raise PluginError(
                    f"the serializer {name!r} comes from {provider}, which can't be loaded: "
                    f"{error!r}",
                    hint=f"pip install --upgrade {provider.split()[0]}, or fix its import",
                ) from error
        raise SerializerNotFoundError(
            f"no serializer named {name!r} is installed; there are "
            + ", ".join(sorted(entry.name for entry in self._entries)),
            hint=newer(package) if package else "check the name",
        )

    def _named(self, name: str) -> Entry | None:
        return next((entry for entry in self._entries if entry.name == name), None)

    def reader(self, name: str, version: int, package: str = "") -> Any:
        """The serializer that can read what `name` at `version` wrote.

        Raises:
            FormatVersionError: The installed one is older.
        """
        serializer = self.by_name(name, package)
        if version > serializer.version:
            raise FormatVersionError(
                f"this was written by version {version} of the serializer {name!r} ({package}); "
                f"the one installed here reads up to version {serializer.version}",
                hint=newer(package or name),
            )
        return serializer

    def serializers(self, *, check: bool = False) -> list[SerializerInfo]:
        """What is installed, broken plugins included. Nothing that is built in is imported for it.

        Args:
            check: Import everything that is installed, to see whether it can be.
        """
        self._discover()
        found = [self._info(entry, check) for entry in self._entries]
        for plugin, (package, error) in self._broken.items():
            name = plugin.removesuffix(f" of {package}")
            found.append(SerializerInfo(name, None, (), package, f"broken: {error!r}"))
        return found

    def _find(self, cls: type) -> tuple[Entry, ...]:
        """All matches along the MRO; plugins are looked for if no built-in takes the class itself."""
        is_ours = str(cls.__module__).partition(".")[0] == "aqueduct_core"
        if not (self._discovered or is_ours or self._matching(cls)):
            self._discover()
        found: list[Entry] = []
        for base in cls.__mro__:
            matching = self._decide(base, self._matching(base))
            found.extend(entry for entry in matching if entry not in found)
        return tuple(found)

    def _matching(self, cls: type) -> list[Entry]:
        return [entry for entry in self._entries if any(_is(cls, kind) for kind in entry.types)]

    def _decide(self, cls: type, matching: list[Entry]) -> list[Entry]:
        preferred = [entry for entry in matching if entry.name in self._preferred]
        if preferred:
            return preferred
        matching = [entry for entry in matching if entry.name not in ON_REQUEST]
        # What is built in wins over what happens to be installed: the same value must not be stored
        # differently before and after the plugins were looked for.
        if any(entry.builtin for entry in matching):
            matching = [entry for entry in matching if not entry.plugin]
        packages = sorted({entry.package for entry in matching})
        if len(packages) > 1:
            first, second = packages[:2]
            names = " or ".join(f'registry.prefer("{entry.name}")' for entry in matching)
            raise DuplicateSerializerError(
                f"{cls.__module__}.{cls.__qualname__} has a serializer in each of "
                f"{first} and {second}",
                hint=f"choose one with {names}",
            )
        return matching

    def _discover(self) -> None:
        from importlib.metadata import entry_points

        with self._lock:
            if self._discovered or self._discovering:  # the latter: a plugin's import asks us
                return
            self._discovering = True
            found = entry_points(group=GROUP)
            for plugin in sorted(found, key=lambda it: (it.dist.name if it.dist else "", it.name)):
                self._add_plugin(plugin)
            self._candidates.clear()
            self._discovered = True

    def _add_plugin(self, plugin: EntryPoint) -> None:
        package = f"{plugin.dist.name} {plugin.dist.version}" if plugin.dist else plugin.value
        try:
            loaded = plugin.load()
            instance = loaded() if isinstance(loaded, type) else loaded
            _check(instance)
            taken = self._named(instance.name)
            if taken is not None:
                both = f"{package.split()[0]} and {taken.package.split()[0]}"
                raise _taken(taken, package, hint=f"uninstall one of {both}")
        except Exception as error:  # noqa: BLE001 - whatever an import raises; kept for entry()
            self._broken[f"{plugin.name} of {package}"] = (package, error)
            warnings.warn(
                f"the serializer plugin {plugin.name!r} of {package} can't be loaded and is left "
                f"out: {error!r}",
                RuntimeWarning,
                stacklevel=2,
            )
            return
        self._entries = [*self._entries, _entry_of(instance, package, plugin=True)]

    def _info(self, entry: Entry, check: bool) -> SerializerInfo:
        types = tuple(kind if isinstance(kind, str) else _name_of(kind) for kind in entry.types)
        state = _state(entry, check)
        version, safe = (entry.version, entry.safe) if state == "ok" else (None, None)
        if entry.name in self._preferred:
            state = "preferred"
        return SerializerInfo(entry.name, version, types, entry.package, state, safe, entry.extra)


def _taken(taken: Entry, package: str, *, hint: str) -> DuplicateSerializerError:
    return DuplicateSerializerError(
        f"the serializer name {taken.name!r} of {package} is already used by {taken.package}",
        hint=hint,
    )


def _entry_of(instance: Any, package: str, *, plugin: bool = False) -> Entry:
    return Entry(
        instance.name,
        tuple(instance.types),
        package,
        getattr(instance, "family", ""),
        version=instance.version,
        safe=bool(getattr(instance, "safe", True)),
        plugin=plugin,
        _loaded=instance,
    )


def _state(entry: Entry, check: bool) -> str:
    """Whether everything is there that a serializer needs; with `check`, whether it can be imported."""
    for library in (name for name in entry.needs if find_spec(name) is None):
        return f"not installed: {MissingExtraError(library, entry.extra, entry.name).hint}"
    if check:
        try:
            for library in entry.needs:
                import_module(library)
            entry.load()
        except Exception as error:  # noqa: BLE001 - whatever an import raises
            return f"broken: {error!r}"
    return "ok"


def supports(serializer: Any, ability: type) -> bool:
    """Whether a serializer has an optional ability: one of the small protocols of `abc`.

    A class is asked once, unless it finds methods by `__getattr__`, which `isinstance` overlooks.
    """
    asked = (type(serializer), ability)
    if asked in _abilities:
        return _abilities[asked]
    found = all(hasattr(serializer, name) for name in vars(ability) if name[0] != "_")
    return found if hasattr(asked[0], "__getattr__") else _abilities.setdefault(asked, found)


def _is(cls: type, kind: type | str) -> bool:
    if not isinstance(kind, str):
        return cls is kind
    module, _, name = kind.rpartition(".")
    # An instance can't exist before its library is imported, so nothing needs importing here.
    return getattr(sys.modules.get(module), name, None) is cls


def _name_of(cls: type) -> str:
    module = "" if cls.__module__ == "builtins" else f"{cls.__module__}."
    return module + cls.__qualname__


def _check(serializer: Any) -> None:
    told = f"{type(serializer).__qualname__} is not a serializer"
    for name, kind in (("name", str), ("version", int), ("types", tuple)):
        if not isinstance(getattr(serializer, name, None), kind):
            raise TypeError(f"{told}: its {name!r} must be a {kind.__name__}")
    for name in ("dump", "load"):
        if not callable(getattr(serializer, name, None)):
            raise TypeError(f"{told}: it has no {name}()")


def _package_of(module: str) -> str:
    """The distribution that a module belongs to, with its version; the module's name if unknown."""
    from importlib.metadata import packages_distributions, version

    top = module.partition(".")[0]
    for distribution in packages_distributions().get(top, ()):
        return f"{distribution} {version(distribution)}"
    return top


@lru_cache(maxsize=1)
def default_registry() -> Registry:
    """The registry that stores use unless they are given another."""
    return Registry()

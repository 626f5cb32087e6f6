"""What is to be run, and where everything is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from aqueduct_core.errors import (
    CorruptArtifactError,
    IntegrationError,
    SignatureError,
    UnsafeArtifactError,
)
from aqueduct_core.runtime._kept import keeping
from aqueduct_core.store import ArtifactStore

if TYPE_CHECKING:
    from aqueduct_core.dag import Version
    from aqueduct_core.dag._spec import OperatorSpec
    from aqueduct_core.integrations import Integration

__all__ = ["Job", "Workspace", "artifact_key"]

T = TypeVar("T")
_SECRET = re.compile(
    r"pass|pwd|secret|token|key|credential|auth|private|dsn|url|uri", re.IGNORECASE
)
_PASSWORD = re.compile(r"://[^/@\s:]*:([^@\s]+)@")


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """What the operators of all workflows have in common.

    Attributes:
        store: Where versions are, and where artifacts and results go.
        connections: The data systems by name: `{"kind": ..., "config": {...}}`. They hold secrets,
            so they are kept in memory only and never shown.
        kept: The same store, for what never changes, of which copies are kept on this machine.
    """

    store: ArtifactStore
    connections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    kept: ArtifactStore | None = field(default=None, repr=False)
    # By name, what a data system was made of, and itself: its connections are for several operators.
    _opened: dict[str, tuple[Any, Integration]] = field(
        default_factory=dict, init=False, repr=False
    )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Workspace:
        """A workspace from its description.

        Args:
            data: `store`, the URL; `signing_key` in hex and `storage_options`, both if there are
                any; `connections`; and `kept`, a folder for copies of what never changes, which are
                made if the store is on another machine.
        """
        key = bytes.fromhex(data["signing_key"]) if data.get("signing_key") else None
        store = ArtifactStore(
            data["store"], signing_key=key, storage_options=data.get("storage_options")
        )
        kept = None
        if data.get("kept") and store.storage.profile == "remote":
            copies: Any = keeping(store.storage, Path(data["kept"]))
            kept = copies and ArtifactStore(copies, signing_key=key)
        return cls(store, data.get("connections", {}), kept)

    def constant(self, load: Callable[[ArtifactStore], T]) -> T:
        """Load what never changes, a version or a function, from its copy if there is one.

        Args:
            load: Loads it from the store that it is given.
        """
        if self.kept is not None:
            try:
                return load(self.kept)
            except (CorruptArtifactError, SignatureError, UnsafeArtifactError):
                # The copy was changed, or is older than the key: what the store has is what counts.
                copies: Any = self.kept.storage
                copies.forget()
        return load(self.store)

    def integration(self, name: str) -> Integration:
        """A data system; the same one as before, unless it is reached in another way now.

        Raises:
            IntegrationError: There is none of this name.
        """
        from aqueduct_core.integrations import open_integration

        found = self.connections.get(name)
        if found is None:
            raise IntegrationError(
                f"no data system is called {name!r} here",
                hint=f"client.connect_integration({name!r}, ...) makes it known; where operators "
                "are run by a command line, the variable AQUEDUCT_INTEGRATION_<NAME> holds it",
            )
        known, made = self._opened.get(name, (None, None))
        if made is None or known != found:
            made = open_integration(name, found["kind"], found["config"])
            self._opened[name] = found, made
        return made

    def close(self) -> None:
        """Close the connections to data systems; what needs one opens it again."""
        from aqueduct_core.integrations import close

        for _, made in [*self._opened.values()]:
            close(made)

    def secrets(self) -> list[str]:
        """The texts that no message may show."""
        return [text for item in self.connections.values() for text in _secrets(item)]


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One operator of one run.

    Attributes:
        version: The version that is run.
        operator: The operator's name.
        run: The run key.
        attempt: Counts from 1.
        parameters: Values that the run overrides, by the parameter's name, in the form that
            `ParameterSpec.value` has.
        expected: The artifact types that outputs had before; see `expected_types`.
    """

    version: Version
    operator: str
    run: str
    attempt: int = 1
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    expected: Mapping[str, str] = field(default_factory=dict)

    @property
    def spec(self) -> OperatorSpec:
        """What the operator is."""
        return self.version.spec.operators[self.operator]

    @property
    def id(self) -> str:
        """The operator's UUID."""
        return self.version.ids[self.operator]

    def output_key(self, output: str) -> str:
        """Where one of its outputs is stored."""
        return artifact_key(self.id, self.run, output)


def artifact_key(operator: str, run: str, output: str) -> str:
    """Where an output is stored; any run's consumers find it by this."""
    return f"operators/{operator}/{run}/{output}"


def _secrets(value: Any, name: str = "") -> Iterator[str]:
    """The texts in a configuration that may be secrets, by the names they have there."""
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _secrets(member, str(key))
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _secrets(member, name)
    elif isinstance(value, str) and _SECRET.search(name):
        yield value
        for password in _passwords(value):
            yield password
            yield unquote(password)


def _passwords(url: str) -> Iterator[str]:
    """The password in a URL, as those find it who take it apart: by the standard, or at the first @."""
    with suppress(ValueError):  # no URL
        yield urlsplit(url).password or ""
    yield from _PASSWORD.findall(url)

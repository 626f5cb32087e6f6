"""What is compared: ways to store one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from aqueduct_core.abc import Picks
from aqueduct_core.encoding import CODECS, POLICIES
from aqueduct_core.errors import AqueductError, ParameterError
from aqueduct_core.registry import default_registry, supports

__all__ = ["BASELINE", "Way", "takers", "ways_for"]

BASELINE = "a pickle in a file"
DEFAULT_CODECS = ("none", "zstd:1", "zstd:3", "zstd:9")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to store a value.

    Attributes:
        name: What tables and figures call it.
        store: The URL of the storage; empty for the baseline, and for a new folder on this machine.
        policy: The encoding policy, if that is to choose; else None.
        serializer: The serializer, if it is given.
        codec: The codec, if it is given.
    """

    name: str
    store: str = ""
    policy: str | None = None
    serializer: str | None = None
    codec: str | None = None

    @property
    def is_baseline(self) -> bool:
        """Whether it is what one would do without a store: the measure for runs on other days."""
        return self.name == BASELINE

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def ways_for(
    value: Any,
    *,
    stores: Sequence[str] = ("",),
    policies: Sequence[str] = (),
    serializers: Sequence[str] = (),
    codecs: Sequence[str] = (),
) -> list[Way]:
    """The ways that there are for a value: each policy, and each serializer with each codec.

    Args:
        value: What is to be stored.
        stores: URLs of storages; an empty one is a new folder.
        policies: Those to try. Without any of the three, all policies are tried, and all that follows.
        serializers: Those to try; otherwise all that take the value.
        codecs: Those to try for what a serializer leaves uncompressed; otherwise a few.

    Raises:
        ParameterError: There is no such policy or codec.
    """
    everything = not (policies or serializers or codecs)
    chosen = POLICIES if everything else _known("policy", policies, POLICIES)
    wanted = _known("codec", codecs, [name for name in CODECS if name]) or DEFAULT_CODECS
    names = list(serializers)
    if not serializers and (codecs or everything):
        names = takers(value)
    found = [Way(BASELINE)]
    for store in stores:
        found += [Way(_called(policy, store, stores), store, policy) for policy in chosen]
        for name in names:
            for codec in wanted if not _compresses(name) else ("none",):
                title = name if codec == "none" else f"{name}, {codec.replace(':', ' ')}"
                found.append(Way(_called(title, store, stores), store, None, name, codec))
    return found


def takers(value: Any) -> list[str]:
    """The serializers that keep a value exactly, pickle last."""
    found = []
    for entry in default_registry().candidates(type(value)):
        try:
            serializer = entry.load()
            if not supports(serializer, Picks) or serializer.accepts(value):
                found.append(entry.name)
        except AqueductError:  # its library isn't installed
            continue
    return found


def _compresses(name: str) -> bool:
    return bool(getattr(default_registry().by_name(name), "compressed", False))


def _called(name: str, store: str, stores: Sequence[str]) -> str:
    return f"{name} @ {store or 'a folder'}" if len(stores) > 1 else name


def _known(what: str, given: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    for name in given:
        if name not in known:
            raise ParameterError(
                f"there is no {what} {name!r}", hint=f"choose of {', '.join(known)}"
            )
    return tuple(given)

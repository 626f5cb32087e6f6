"""Versions: workflows as they were published, under ids that stay."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from aqueduct_core._offers import offer
from aqueduct_core._version import newer
from aqueduct_core.dag._graph import Graph
from aqueduct_core.dag._spec import FlowSpec, OperatorSpec, python_minor, spec_digest
from aqueduct_core.dag._tasks import Function
from aqueduct_core.errors import (
    ArtifactNotFoundError,
    CorruptArtifactError,
    FormatVersionError,
    IncompatibleEnvironmentError,
    NotFoundError,
    StorageNotFoundError,
)
from aqueduct_core.store import ArtifactStore

if TYPE_CHECKING:
    from aqueduct_core.dag._drafts import Draft
    from aqueduct_core.dag._pickled import PickledFunction
    from aqueduct_core.dag._schedules import Schedule

__all__ = ["Version", "flow_id"]

_FORMAT = 1
_SMALL = 3_500  # bytes of a function, which with what stands around it fits into a manifest
_FLOWS = UUID("6d6a9d2e-0c44-4f0c-9a53-1f6c2f2f3b0e")  # the name space of workflow names
_LOCATION = re.compile(
    r"(?P<store>[^/]*://(?=flows/)|.+(?=/flows/))/?flows/(?P<flow>[0-9a-f-]{36})/versions/(?P<digest>[0-9a-f]{64})\.json"
)


def flow_id(name: str) -> str:
    """The id of the workflow of this name: everybody who knows the name can find it."""
    return str(uuid5(_FLOWS, name.encode("utf-8", "backslashreplace").decode()))


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a workflow: what was published, without anything of the user's in memory.

    Attributes:
        flow: The workflow's id.
        name: The workflow's name.
        digest: Digest of the spec: publishing the same twice makes one version.
        spec: What the version consists of.
        ids: The UUID of each operator, by its name; fixed for this version.
        code: The key of the artifact with the function of each operator that has one of the user's.
        sites: Where each operator was made, `file:line`.
        published: When it was published first, ISO 8601 in UTC.
        metadata: What it was published with: `python` and `packages` with their versions, and
            `notes` for its author.
    """

    flow: str
    name: str
    digest: str
    spec: FlowSpec
    ids: Mapping[str, str]
    code: Mapping[str, str]
    sites: Mapping[str, str] = field(default_factory=dict)
    published: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    _draft: Draft | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        name: str,
        graph: Graph,
        *,
        schedule: Schedule | None = None,
        after: str | None = None,
        engine: str = "local",
        description: str = "",
    ) -> Version:
        """The version that a graph makes of the workflow `name`; `save` stores it.

        Functions are captured as they are now, with everything of the user's own that they refer to.

        Args:
            name: The workflow's name.
            graph: Its operators.
            schedule: When it runs by itself.
            after: The name of the workflow whose success starts this one.
            engine: What runs it.
            description: A sentence for people.

        Raises:
            UnserializableError: A function refers to something that can't be captured.
            GraphError: A function refers to an artifact, an operator, or something of a client.
            ParameterError: The value of a parameter can't be stored.
            IncompatibleEnvironmentError: An operator asks for another Python than this one.
        """
        from aqueduct_core.dag._drafts import Draft  # not before somebody publishes

        flow = flow_id(name)
        draft = Draft.of(
            name,
            flow,
            graph,
            schedule=schedule,
            after=after,
            engine=engine,
            description=description,
        )
        digest = draft.spec.digest
        return cls(
            flow=flow,
            name=name,
            digest=digest,
            spec=draft.spec,
            ids={
                label: str(uuid5(UUID(flow), f"{digest}/{label}")) for label in draft.spec.operators
            },
            code={label: f"flows/{flow}/code/{code}" for label, code in draft.code.items()},
            sites=draft.sites,
            published=datetime.now(UTC).isoformat(),
            metadata=draft.metadata,
            _draft=draft,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Version.from_json, (self.to_json(),)

    def save(self, store: ArtifactStore) -> bool:
        """Store the version: functions and parameters first, the document last.

        Several publishers may save at once; all of them store the same.

        Returns:
            Whether it is new; False if it was there already.

        Raises:
            UnserializableError: The store neither signs pickles nor allows them.
        """
        if self._draft is not None:
            self._save_code(store, self._draft.pickled)
            self._draft.parameters.save(store)
        missing = [key for key in {*self.code.values()} if not store.exists(key)]
        if missing:
            raise ArtifactNotFoundError(
                f"the code of {self.name!r} is not in {store.url}: {missing[0]}",
                hint="save the version where it is published, or copy its code, too",
            )
        path = _path(self.flow, self.digest)
        if store.storage.stat(path) is not None:
            return False
        store.storage.put(path, _document(self.to_json()))
        return True

    @classmethod
    def load(cls, store: ArtifactStore, flow: str, digest: str) -> Version:
        """A version that was saved; no code of the user is loaded.

        Raises:
            NotFoundError: There is no such version.
            CorruptArtifactError: It is not what was saved.
            FormatVersionError: A newer version of this package wrote it.
        """
        path = _path(flow, digest)
        try:
            data = bytes(store.storage.get(path))
        except StorageNotFoundError as error:
            raise NotFoundError(
                f"no version {digest} of the workflow {flow} in {store.url}",
                hint="publish the workflow with this store, or open the one it was published with",
            ) from error
        try:
            record = json.loads(data)
            found = cls.from_json(record)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            if isinstance(error, (FormatVersionError, CorruptArtifactError)):
                raise
            raise CorruptArtifactError(
                f"the version can't be read: {type(error).__name__}: {error}", key=path
            ) from error
        if (found.flow, found.digest) != (flow, digest):
            raise CorruptArtifactError(f"it holds the version {found.digest}", key=path)
        return found

    def location(self, store: ArtifactStore) -> str:
        """Where the version is, in one text: for a command line."""
        url = store.url if store.url.endswith("/") else f"{store.url}/"
        return url + _path(self.flow, self.digest)

    @staticmethod
    def locate(location: str) -> tuple[str, str, str]:
        """The store's URL, the workflow's id and the version's digest of a location.

        Raises:
            ValueError: It is no location of a version.
        """
        found = _LOCATION.fullmatch(location)
        if found is None:
            raise ValueError(
                f"{location!r} is no location of a version: <store>/flows/<flow>/versions/<digest>.json"
            )
        return found["store"], found["flow"], f"blake3:{found['digest']}"

    def function(self, store: ArtifactStore, operator: str) -> Callable[..., Any]:
        """What an operator calls; imports the packages that it needs.

        Metrics and checks give a number and a bool, or raise.

        Raises:
            NotFoundError: There is no such operator, or it has no function: queries and saves.
            IncompatibleEnvironmentError: It was captured with another Python, or a package is missing.
            UnsafeArtifactError: The store's key didn't sign it.
        """
        from aqueduct_core.dag._pickled import PickledFunction  # not before somebody runs it

        found = self._operator(operator)
        checks = import_module("aqueduct_core.checks")  # which stands on this room
        finish = {"metric": checks.as_number, "check": checks.as_verdict}.get(found.kind)
        if "preset" in found.task:
            preset: Callable[..., Any] = checks.preset(**found.task["preset"])
            return Function(preset, found.kind, found.severity, finish, found.task["preset"])
        if operator not in self.code:
            raise NotFoundError(
                f"{operator!r} is a {found.kind}, which has no function",
                hint="its spec says what it does",
            )
        if self.spec.python != python_minor():
            raise IncompatibleEnvironmentError(
                f"{operator} was published with Python {self.spec.python}, and this is Python "
                f"{python_minor()}: functions are packaged as code for one Python",
                hint=f"run it with Python {self.spec.python}, or publish the workflow with Python "
                f"{python_minor()}",
            )
        pickled = store.get(self.code[operator])
        if not isinstance(pickled, PickledFunction):
            raise CorruptArtifactError("it holds no function", key=self.code[operator])
        return Function(pickled.load(), found.kind, found.severity, finish)

    def to_json(self) -> dict[str, Any]:
        """The document of this version: docs/spec.md."""
        return {
            "format": _FORMAT,
            "flow": self.flow,
            "name": self.name,
            "digest": self.digest,
            "spec": self.spec.to_json(),
            "ids": dict(self.ids),
            "code": dict(self.code),
            "sites": dict(self.sites),
            "published": self.published,
            "metadata": dict(self.metadata),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Version:
        """A version from its document; unknown fields are ignored.

        Raises:
            FormatVersionError: A newer version of this package wrote it.
            CorruptArtifactError: The spec isn't the one that the digest was made of.
        """
        if record["format"] > _FORMAT:
            raise FormatVersionError(
                f"the version of {record.get('name')!r} has format {record['format']}; {_FORMAT} "
                "is the newest known here",
                hint=newer(),
            )
        found = spec_digest(record["spec"])
        if found != record["digest"]:
            raise CorruptArtifactError(
                f"the spec of {record.get('name')!r} was changed", expected=record["digest"]
            )
        return cls(
            flow=record["flow"],
            name=record["name"],
            digest=record["digest"],
            spec=FlowSpec.from_json(record["spec"]),
            ids=record["ids"],
            code=record["code"],
            sites=record.get("sites", {}),
            published=record.get("published", ""),
            metadata=record.get("metadata", {}),
        )

    def _operator(self, name: str) -> OperatorSpec:
        try:
            return self.spec.operators[name]
        except KeyError:
            raise NotFoundError(
                f"the workflow {self.name!r} has no operator {name!r}",
                hint=offer(name, self.spec.operators),
            ) from None

    def _save_code(self, store: ArtifactStore, pickled: Mapping[str, PickledFunction]) -> None:
        names = {key: label for label, key in self.code.items()}

        def put(code: str) -> None:
            key = f"flows/{self.flow}/code/{code}"
            if not store.exists(key):
                # What is small stands in the manifest, if it isn't compressed: one request to load it.
                is_small = len(pickled[code].head) <= _SMALL
                codec = "none" if is_small else None
                store.put(pickled[code], key, name=names[key], codec=codec)

        if store.storage.profile == "remote" and len(pickled) > 1:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(put, pickled))
            return
        for code in pickled:
            put(code)


def _document(record: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which UTF-8 can't hold
        return json.dumps(record).encode()


def _path(flow: str, digest: str) -> str:
    return f"flows/{flow}/versions/{digest.partition(':')[2]}.json"

"""The typed artifact store: value in, reference out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, BinaryIO, NoReturn

from aqueduct_core.abc import JSON, Storage
from aqueduct_core.encoding import POLICIES, Plan, Policy
from aqueduct_core.errors import (
    AqueductError,
    ArtifactNotFoundError,
    CorruptArtifactError,
    InvalidKeyError,
    StaleReferenceError,
    UnsafeArtifactError,
    UnserializableError,
)
from aqueduct_core.manifest import ArtifactRef, Manifest, check_json, content_digest
from aqueduct_core.registry import Registry, default_registry
from aqueduct_core.store._keys import key_of, manifest_path
from aqueduct_core.store._listing import load, manifests, paths
from aqueduct_core.store._parts import REFRESH_AFTER, commit, confirm, publish, renew
from aqueduct_core.store._place import place_of
from aqueduct_core.store._profiles import profile_of
from aqueduct_core.store._sink import Writer, sayable, tell
from aqueduct_core.store._source import Reader, as_table, load_columns, load_member
from aqueduct_core.store._sweep import Entry, Problem, Retention, Swept, expired, limit_of, sweep

__all__ = ["ArtifactStore"]

_GRACE = timedelta(seconds=2 * REFRESH_AFTER)


class ArtifactStore:
    """Stores Python values as typed artifacts, and gives them back exactly as they went in.

    Thread-safe; every call is synchronous. Several processes and machines may use one store.

    Args:
        url: Where the store is: a folder, `memory://name`, `s3://bucket/prefix`, ...; or a storage.
        policy: What to optimise: `fast`, `balanced` or `small`. By default `fast` on local disks
            and `balanced` on object stores.
        allow_pickle: Load pickles that nobody signed. Only for stores that nobody else can write
            to: loading a pickle can run any code.
        signing_key: Sign every manifest with this secret, and trust pickles that it signed.
        storage_options: What `open_storage` takes for this URL.
        registry: The serializers to use instead of the default registry's.
        describe: Compute schema, statistics and preview of each value when it is saved.

    Raises:
        MissingExtraError: The storage needs a library that is not installed.
        StorageError: The URL is none, or nobody knows its scheme.
        ParameterError: The storage has no profile that there is.
        TypeError: It is neither a URL nor a storage.
        ValueError: There is no such policy, or options come with a storage that is open already.
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | Storage,
        *,
        policy: Policy | None = None,
        allow_pickle: bool = False,
        signing_key: bytes | str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        registry: Registry | None = None,
        describe: bool = True,
    ) -> None:
        self.storage: Storage = place_of(url, storage_options or {})
        if policy is not None and policy not in POLICIES:
            raise ValueError(f"there is no policy {policy!r}; choose one of {', '.join(POLICIES)}")
        self._profile = profile_of(self.storage)
        self.policy: Policy = policy or self._profile.default
        self.registry = registry or default_registry()
        self._allow_pickle = allow_pickle
        key: Any = signing_key.encode() if isinstance(signing_key, str) else signing_key
        if key is not None and not (isinstance(key, bytes) and key):
            raise ValueError("a signing key is a text or bytes, and not empty; or leave it out")
        self._key: bytes | None = key
        self._describe = describe

    def __repr__(self) -> str:
        return f"ArtifactStore({self.storage.url!r}, policy={self.policy!r})"

    def __reduce__(self) -> NoReturn:
        raise UnserializableError(
            "a store isn't copied, stored or sent to another process: its key and options are secret",
            hint="send its url, and open it there with ArtifactStore(url, ...)",
        )

    @property
    def url(self) -> str:
        """Where the store is, without credentials."""
        return self.storage.url

    def put(
        self,
        value: Any,
        key: str | None = None,
        *,
        name: str | None = None,
        serializer: str | None = None,
        codec: str | None = None,
        lineage: Mapping[str, JSON] | None = None,
        replacing: Callable[[], None] | None = None,
    ) -> ArtifactRef:
        """Store a value; all of it or, on any failure, nothing.

        Args:
            value: What to store.
            key: Where: `daily/customers`. An artifact that is there already is replaced. Without a
                key it is stored under its digest.
            name: A name for people.
            serializer: The name of the serializer to use; chosen by type and policy if not given.
            codec: `none`, or `zstd:1` to `zstd:19`, for what the format leaves uncompressed.
            lineage: What the value was made from; plain JSON, kept in the manifest.
            replacing: Is called if an artifact is, or may be, at the key; raises to keep that one.

        Returns:
            The reference that `get` takes.

        Raises:
            UnserializableError: The value, or something in it, can't be kept exactly.
            InvalidKeyError: The key can't name an artifact.
            StorageError: The storage failed.
        """
        path = manifest_path(key) if key is not None else None
        if name is not None or lineage:
            check_json({"name": name, "lineage": dict(lineage or {})})
        plan = Plan(self.policy, self._profile, codec)
        unsafe = self._allow_pickle or self._key is not None
        writer = Writer(self.registry, plan=plan, staging=self.storage.staging, unsafe=unsafe)
        try:
            draft = writer.draft(value, serializer)
            meanwhile = [partial(tell, value, draft)] if self._describe else []
            content = commit(draft, self.storage, plan, writer.spool, meanwhile)
        finally:
            writer.discard()
        digest = content_digest(content)
        if key is None or path is None:
            key = f"objects/{digest.partition(':')[2]}"
            path = manifest_path(key)
        manifest = Manifest(
            key=key,
            type=draft.artifact,
            content=content,
            digest=digest,
            size=draft.size(),
            created=datetime.now(UTC).isoformat(),
            name=name,
            description=draft.description,
            lineage=lineage or {},
        )
        try:
            document = manifest.to_bytes(self._key)
        except (TypeError, ValueError, RecursionError):  # a third party's description is no JSON
            document = replace(manifest, description=sayable(draft.description)).to_bytes(self._key)
        self._check_case(path, key)
        publish(self.storage, path, document, replacing)
        return manifest.ref

    def get(
        self,
        ref: ArtifactRef | str,
        *,
        as_: type | None = None,
        columns: Sequence[Any] | None = None,
        at: Sequence[Any] | None = None,
    ) -> Any:
        """Load a value.

        What comes back is the caller's own: large parts are mapped copy-on-write, so changing the
        value changes neither the store nor what others load.

        Args:
            ref: A reference, which also checks that the key still holds that artifact, or a key.
            as_: The type to load a table as, whichever library wrote it: `pl.DataFrame`,
                `pd.DataFrame`, `pa.Table`, ...
            columns: Load only these columns of a table, in this order.
            at: Load only one member of a collection: `["models", 0]`.

        Raises:
            ArtifactNotFoundError: Nothing is stored at the key.
            StaleReferenceError: The key holds another artifact than the reference names.
            UnsafeArtifactError: It is a pickle and nothing says that it is trusted.
            CorruptArtifactError: The stored bytes are not what was written.
            ConversionError: It can't be loaded as `as_`, or has no columns or members.
            MissingExtraError: The library that tables are converted with is not installed.
        """
        if columns is not None and at is not None:
            raise ValueError("columns= and at= can't be combined: load the member, then choose")
        for name, given in (("columns", columns), ("at", at)):
            if isinstance(given, str):
                raise TypeError(f"{name} is a list of labels: {name}=[{given!r}]")
        reader = self._reader(*self._read(ref))
        manifest = reader.manifest
        if columns is not None:
            value = reader.call(manifest.content, partial(load_columns, manifest, list(columns)))
        elif at is not None:
            value = reader.call(manifest.content, partial(load_member, manifest, at))
        else:
            value = reader.load(manifest.content)
        if as_ is None or type(value) is as_:
            return value
        return as_table(value, as_)

    def fetch(
        self, ref: ArtifactRef | str, *, columns: Sequence[Any] | None = None
    ) -> tuple[Any, Manifest]:
        """Load a value with its manifest, in no more requests than `get` needs; raises like it."""
        reader = self._reader(*self._read(ref))
        content, manifest = reader.manifest.content, reader.manifest
        if columns is None:
            return reader.load(content), manifest
        return reader.call(content, partial(load_columns, manifest, list(columns))), manifest

    def copy(self, ref: ArtifactRef | str, key: str) -> ArtifactRef:
        """Put an artifact at a further key, without reading or writing its parts again.

        The copy has the name, description and lineage of the original, and is signed anew.

        Args:
            ref: What to copy.
            key: Where to; an artifact that is there already is replaced.

        Raises:
            ArtifactNotFoundError: Nothing is stored at the key of `ref`.
            StaleReferenceError: The key holds another artifact than the reference names.
            CorruptArtifactError: A part is missing, or was changed.
            UnsafeArtifactError: This store signs, and nobody signed the original.
        """
        path = manifest_path(key)
        manifest, signed = self._read(ref)
        if not (signed or self._key is None or self._allow_pickle):
            raise UnsafeArtifactError(
                f"{manifest.key!r} isn't signed, and a copy of it would be",
                hint="if you trust whoever wrote it, load it and put it again",
            )
        if not confirm(manifest.content, self.storage):
            try:
                self._reader(manifest, signed).audit()
            except CorruptArtifactError:
                self._read(ref)  # it may have been deleted since, and swept
                raise
            renew(manifest.content, self.storage)
        self._check_case(path, key)
        copied = replace(manifest, key=key, created=datetime.now(UTC).isoformat(), signature=None)
        self.storage.put(path, copied.to_bytes(self._key))
        return copied.ref

    def manifest(self, ref: ArtifactRef | str) -> Manifest:
        """What is known about an artifact, without loading it; raises like `get`."""
        return self._read(ref)[0]

    def open(self, ref: ArtifactRef | str, part: str = "data") -> BinaryIO:
        """A seekable, read-only binary file over one part, as its serializer wrote it."""
        reader = self._reader(*self._read(ref))
        return reader.open(reader.manifest.content, part)

    def exists(self, key: str) -> bool:
        """Whether an artifact is stored at a key."""
        path = manifest_path(key)
        return self.storage.stat(path) is not None and self._other_at(path, key) is None

    def list(self, prefix: str = "") -> Iterator[ArtifactRef]:
        """References to all artifacts whose key starts with `prefix`, ordered by key.

        Raises:
            CorruptArtifactError: A manifest can't be read; `verify` finds all of these.
        """
        found = manifests(self.storage, prefix)
        refs = (manifest.ref for path, manifest in found if path == manifest_path(manifest.key))
        yield from sorted(refs, key=lambda ref: ref.key)

    def delete(self, key: str) -> bool:
        """Remove an artifact; its parts go with the next `gc` if nothing else uses them.

        Returns:
            Whether there was one.
        """
        if not self.exists(key):
            return False
        self.storage.delete(manifest_path(key))
        return True

    def verify(self, prefix: str = "") -> tuple[Problem, ...]:
        """Read every part of the artifacts under `prefix` and check it against its digest."""
        problems = []
        for path in paths(self.storage, prefix):
            key = path
            try:
                key = key_of(path) or path
                if key is not path and not key.startswith(prefix):
                    continue
                manifest, signed = self._parse(path, key)
                if not manifest.key.startswith(prefix):
                    continue
                self._reader(manifest, signed).audit()
            except ArtifactNotFoundError:  # deleted since it was listed
                continue
            except AqueductError as error:
                problems.append(Problem(key, error))
        return tuple(problems)

    def gc(
        self, *, keep: Retention | None = None, prefix: str = "", grace: timedelta = _GRACE
    ) -> Swept:
        """Remove what no artifact uses.

        Args:
            keep: Also let artifacts go that this retention doesn't keep.
            prefix: Of those alone whose keys start with this.
            grace: Leave objects alone that were written or used within this time: an artifact that
                is being saved right now isn't visible yet. Shorter than the default is safe only
                while nobody else writes.

        Raises:
            CorruptArtifactError: A manifest can't be read; nothing is removed then, since what it
                uses isn't known.
            ParameterError: That is no retention, or no time.
        """
        limit = limit_of(keep, grace)
        # Objects first, manifests after: a part whose manifest comes in between is seen as used.
        objects = [
            info.key
            for folder in ("parts/", "tmp/")
            for info in self.storage.list(folder)
            if info.modified <= limit
        ]
        # Manifests that don't stand at their own place, copied by hand, still protect their parts.
        entries = [Entry.of(path, manifest) for path, manifest in manifests(self.storage, "")]
        gone: list[Entry] = []
        if keep is not None:
            chosen = (entry for entry in entries if entry.key.startswith(prefix))
            own = [entry for entry in chosen if entry.path == manifest_path(entry.key)]
            gone = [entry for entry in expired(own, keep) if self._delete_this(entry)]
        away = set(map(id, gone))
        used = {part for entry in entries if id(entry) not in away for part in entry.parts}
        count, size = sweep(self.storage, objects, used, limit)
        return Swept(tuple(entry.key for entry in gone), count, size)

    def _read(self, ref: ArtifactRef | str) -> tuple[Manifest, bool]:
        key = ref if isinstance(ref, str) else ref.key
        manifest, signed = self._parse(manifest_path(key), key)
        if manifest.key != key:  # file systems that ignore case, or a manifest moved by hand
            raise ArtifactNotFoundError(
                f"no artifact {key!r} in {self.url}; {manifest.key!r} stands in its place",
                hint="use the key that list() shows",
            )
        if not isinstance(ref, str) and ref.digest != manifest.digest:
            raise StaleReferenceError(
                f"{key!r} was replaced since this reference was made (it holds {manifest.digest}, "
                f"not {ref.digest})",
                hint=f"get({key!r}) loads what is there now",
            )
        return manifest, signed

    def _reader(self, manifest: Manifest, signed: bool) -> Reader:
        by_signature = signed and not self._allow_pickle
        trusted = signed or self._allow_pickle
        return Reader(manifest, self.storage, self.registry, trusted=trusted, signed=by_signature)

    def _parse(self, path: str, key: str) -> tuple[Manifest, bool]:
        manifest, data = load(self.storage, path, key)
        return manifest, self._key is not None and manifest.check_signature(data, self._key)

    def _delete_this(self, entry: Entry) -> bool:
        """Delete an artifact unless another one has taken its place."""
        try:
            now = load(self.storage, entry.path, entry.key)[0]
        except ArtifactNotFoundError:
            return True
        return Entry.of(entry.path, now) == entry and self.delete(entry.key)

    def _other_at(self, path: str, key: str) -> str | None:
        """The key of another artifact that stands in this one's place, where case is ignored."""
        if not getattr(self.storage, "ignores_case", False):
            return None
        try:
            found = load(self.storage, path, key)[0].key
        except (ArtifactNotFoundError, CorruptArtifactError):
            return None
        return None if found == key else found

    def _check_case(self, path: str, key: str) -> None:
        other = self._other_at(path, key)
        if other is not None:
            raise InvalidKeyError(
                f"the key {key!r} differs from {other!r} in case alone, and the file system of "
                f"{self.url} takes one for the other",
                hint="use another key, or keep the store where case matters",
            )

"""Manifests: the small JSON document that makes parts an artifact.

The format is documented in `docs/format.md`. Readers ignore fields they don't know, read every older
format, and refuse a newer one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aqueduct_core._version import newer
from aqueduct_core.digest import digest_of
from aqueduct_core.errors import (
    CorruptArtifactError,
    FormatVersionError,
    LossyTypeError,
    SignatureError,
    UnserializableError,
)
from aqueduct_core.reference import ArtifactRef

__all__ = ["FORMAT", "ArtifactRef", "Manifest", "Node", "Part"]

FORMAT = 1
_DEEPEST = 200
_SIGNED = b',"signature":"%s"}'
_NULL = re.compile(rb"null[,\]}]")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Part:
    """Where the bytes of one part are.

    Attributes:
        size: Bytes as the serializer wrote them.
        digest: Digest of the bytes as they are stored (after the codec); None when inline.
        stored: Bytes as they are stored.
        suffix: File name extension of the part's own object; unused when packed or inline.
        codec: `zstd`, or None.
        pack: Digest of the pack that holds the part, or None if it is an object of its own.
        offset: Where it begins in the pack.
        inline: The bytes themselves, for small parts; else None.
    """

    size: int
    digest: str | None = None
    stored: int = 0
    suffix: str = ".bin"
    codec: str | None = None
    pack: str | None = None
    offset: int = 0
    inline: bytes | None = None

    @property
    def path(self) -> str | None:
        """The storage key of the object that holds the part."""
        if self.pack is not None:
            return object_path(self.pack, ".pack")
        return None if self.digest is None else object_path(self.digest, self.suffix)

    def to_json(self) -> dict[str, Any]:
        """The part's record in a manifest."""
        if self.inline is not None:
            try:
                return {"text": self.inline.decode()}
            except UnicodeDecodeError:
                return {"base64": b64encode(self.inline).decode()}
        record: dict[str, Any] = {"size": self.size, "digest": self.digest}
        if self.codec is not None:
            record |= {"codec": self.codec, "stored": self.stored}
        if self.pack is not None:
            return record | {"pack": self.pack, "offset": self.offset}
        return record | {"suffix": self.suffix}

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> Part:
        """A part from its record; raises `ValueError` or `TypeError` on a malformed one."""
        if "text" in record:
            inline = _typed(record, "text", str).encode()
            return Part(len(inline), inline=inline)
        if "base64" in record:
            inline = b64decode(_typed(record, "base64", str), validate=True)
            return Part(len(inline), inline=inline)
        size, codec = _typed(record, "size", int), record.get("codec")
        if codec not in (None, "zstd"):
            raise FormatVersionError(
                f"a part is compressed with {codec!r}, which this version can't read",
                hint=newer(),
            )
        part = Part(
            size=size,
            digest=_typed(record, "digest", str),
            stored=_typed(record, "stored", int) if codec else size,
            suffix=_typed(record, "suffix", str) if "suffix" in record else ".bin",
            codec=codec,
            pack=_typed(record, "pack", str) if "pack" in record else None,
            offset=_typed(record, "offset", int) if "offset" in record else 0,
        )
        if min(part.size, part.stored, part.offset) < 0:
            raise ValueError("a size is negative")
        return part


def object_path(digest: str, suffix: str) -> str:
    """The storage key of the immutable object with this digest.

    Raises:
        ValueError: The digest or the suffix could lead out of the parts folder.
    """
    algorithm, _, value = digest.partition(":")
    if algorithm != "blake3" or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise ValueError(f"{digest!r} is not a blake3 digest")
    if not (suffix.isascii() and suffix[:1] == "." and suffix[1:].isalnum() and len(suffix) < 16):
        raise ValueError(f"{suffix!r} is not a file name extension")
    return f"parts/{value[:2]}/{value}{suffix}"


@dataclass(frozen=True, slots=True)
class Node:
    """One stored object: the artifact itself, or a member nested in it.

    Attributes:
        serializer: The serializer's permanent name.
        version: The version that wrote it.
        package: The distribution that provided it, with its version: `acme 1.2`.
        parts: The named parts.
        meta: What the serializer's `dump` returned.
        members: The objects nested in this one.
        safe: False if loading it, apart from its members, can run code.
    """

    serializer: str
    version: int
    package: str
    parts: Mapping[str, Part]
    meta: Mapping[str, Any] = field(default_factory=dict)
    members: tuple[Node, ...] = ()
    safe: bool = True

    def walk(self) -> Iterator[Node]:
        """This node and all nodes nested in it."""
        yield self
        for member in self.members:
            yield from member.walk()

    def to_json(self) -> dict[str, Any]:
        """The node's record in a manifest."""
        record: dict[str, Any] = {
            "serializer": self.serializer,
            "version": self.version,
            "package": self.package,
        }
        if not self.safe:
            record["safe"] = False
        if self.parts:
            record["parts"] = {name: part.to_json() for name, part in self.parts.items()}
        if self.meta:
            record["meta"] = self.meta
        if self.members:
            record["members"] = [member.to_json() for member in self.members]
        return record

    @staticmethod
    def from_json(record: Mapping[str, Any], depth: int = 0) -> Node:
        """A node from its record; raises `ValueError` or `TypeError` on a malformed one."""
        if depth > _DEEPEST:
            raise ValueError(f"objects are nested more than {_DEEPEST} deep")
        parts = record.get("parts", {})
        return Node(
            serializer=_typed(record, "serializer", str),
            version=_typed(record, "version", int),
            package=str(record.get("package", "")),
            parts={str(name): Part.from_json(part) for name, part in parts.items()},
            meta=_typed(record, "meta", dict) if "meta" in record else {},
            members=tuple(Node.from_json(item, depth + 1) for item in record.get("members", ())),
            safe=record.get("safe", True) is True,
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that is known about one stored artifact.

    Attributes:
        key: The artifact's key.
        type: The artifact type.
        content: The tree of stored objects.
        digest: Digest of the content.
        size: Bytes of all parts, before compression.
        created: When it was saved, ISO 8601 in UTC.
        name: A name for people.
        description: Schema, statistics and preview, made when it was saved.
        lineage: What it was made from, as its writer said.
        signature: HMAC of everything above, or None.
    """

    key: str
    type: str
    content: Node
    digest: str
    size: int
    created: str
    name: str | None = None
    description: Mapping[str, Any] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)
    signature: str | None = None

    @property
    def ref(self) -> ArtifactRef:
        """The reference that names this artifact."""
        return ArtifactRef(
            self.key, self.type, self.content.serializer, self.size, self.digest, self.name
        )

    @property
    def parts(self) -> list[Part]:
        """The parts of all nodes."""
        return [part for node in self.content.walk() for part in node.parts.values()]

    @property
    def safe(self) -> bool:
        """False if loading can run code."""
        return all(node.safe for node in self.content.walk())

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain JSON, the signature included if there is one."""
        record: dict[str, Any] = {
            "format": FORMAT,
            "key": self.key,
            "type": self.type,
            "digest": self.digest,
            "size": self.size,
            "created": self.created,
            "content": self.content.to_json(),
        }
        if self.name is not None:
            record["name"] = self.name
        if self.description:
            record["description"] = self.description
        if self.lineage:
            record["lineage"] = self.lineage
        if self.signature is not None:
            record["signature"] = self.signature
        return record

    def to_bytes(self, signing_key: bytes | None = None) -> bytes:
        """The document to store, signed if there is a key."""
        document = _written(self.to_json())
        if signing_key is None:
            return document
        return document[:-1] + _SIGNED % _signature(document, signing_key).encode()

    @staticmethod
    def from_bytes(data: bytes | memoryview, key: str | None = None) -> Manifest:
        """Read a stored document.

        Raises:
            FormatVersionError: It was written in a newer format.
            CorruptArtifactError: It isn't a manifest.
        """
        try:
            record = json.loads(bytes(data))
            if not isinstance(record, dict):
                raise TypeError("not a JSON object")
            written = _typed(record, "format", int)
            if written > FORMAT:
                raise FormatVersionError(
                    f"the manifest of {record.get('key', key)!r} has format {written}; format "
                    f"{FORMAT} is the newest known here",
                    hint=newer(),
                )
            # What stands in the manifest itself has no other digest that could tell of a change.
            if record_digest(_typed(record, "content", dict)) != _typed(record, "digest", str):
                raise ValueError("its content was changed")
            manifest = Manifest(
                key=_typed(record, "key", str),
                type=_typed(record, "type", str),
                content=Node.from_json(_typed(record, "content", dict)),
                digest=_typed(record, "digest", str),
                size=_typed(record, "size", int),
                created=str(record.get("created", "")),
                name=record.get("name"),
                description=_typed(record, "description", dict) if "description" in record else {},
                lineage=_typed(record, "lineage", dict) if "lineage" in record else {},
                signature=record.get("signature"),
            )
            for part in manifest.parts:
                part.path  # noqa: B018 - raises if a digest or suffix is malformed
        except FormatVersionError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise CorruptArtifactError(f"the manifest can't be read: {error}", key=key) from error
        return manifest

    def check_signature(self, data: bytes | memoryview, signing_key: bytes) -> bool:
        """Whether `data`, the stored document, is signed with this key; False if not signed.

        Raises:
            SignatureError: It carries a signature that this key didn't make.
        """
        if self.signature is None:
            return False
        document = bytes(data)
        end = _SIGNED % ascii(self.signature)[1:-1].encode()
        if document.endswith(end):  # as it was written
            documents = [document.removesuffix(end) + b"}"]
        else:
            record = json.loads(document)
            del record["signature"]
            try:
                documents = [_written(record), _canonical(record)]
            except (ValueError, RecursionError):  # lone surrogates: not a document of ours
                documents = [b""]
        made = ascii(self.signature)
        if not any(
            hmac.compare_digest(made, ascii(_signature(text, signing_key))) for text in documents
        ):
            raise SignatureError(
                f"the signature of {self.key!r} doesn't match the store's signing key",
                hint="open the store with the key that signed it; if there is none, the manifest "
                "was altered and must not be trusted",
            )
        return True


def content_digest(content: Node) -> str:
    """The digest that identifies a content, whatever key, name or time it is stored under."""
    return record_digest(content.to_json())


def record_digest(record: Mapping[str, Any]) -> str:
    """The digest of a content's record; which release of a package wrote it doesn't matter."""
    return digest_of(_canonical(_without_packages(record)))


def _without_packages(record: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in record.items() if name != "package"}
    if "members" in found:
        found["members"] = [_without_packages(member) for member in found["members"]]
    return found


def check_json(value: Any) -> None:
    """Make sure that a value comes back from a manifest as it went in.

    Raises:
        UnserializableError: It isn't plain JSON.
    """
    try:
        same = json.loads(_canonical(value)) == value
    except (TypeError, ValueError, RecursionError) as error:
        raise UnserializableError(
            f"the name or the lineage isn't plain JSON: {error}",
            hint="use str keys, lists, numbers",
        ) from error
    if not same:
        raise LossyTypeError(
            "the lineage would come back changed", hint="use str keys, and lists instead of tuples"
        )


def _canonical(record: Mapping[str, Any]) -> bytes:
    return _encode(record).encode()


def _written(record: dict[str, Any]) -> bytes:
    """Compact JSON that may spell a float in its own way, made in a fraction of the time."""
    from aqueduct_core.serializers._jsontext import orjson

    if orjson is None:
        return _canonical(record)
    options = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS
    try:
        text: bytes = orjson.dumps(record, None, options | orjson.OPT_PASSTHROUGH_DATETIME)
    except TypeError:  # large integers, what is nested deeply, what is no JSON
        return _canonical(record)
    if _NULL.search(text) and orjson.loads(text) != record:  # one was a NaN
        return _canonical(record)
    return text


def _signature(document: bytes, signing_key: bytes) -> str:
    """The signature of the canonical form of an unsigned manifest."""
    return "hmac-sha256:" + hmac.digest(signing_key, document, hashlib.sha256).hex()


def _typed(record: Mapping[str, Any], name: str, kind: type) -> Any:
    value = record[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{name!r} is {type(value).__name__}, not {kind.__name__}")
    return value

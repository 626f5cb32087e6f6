from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.errors import CorruptArtifactError, FormatVersionError, SignatureError
from aqueduct_core.manifest import (
    ArtifactRef,
    Manifest,
    Node,
    Part,
    content_digest,
    object_path,
    record_digest,
)
from aqueduct_core.serializers import _jsontext

DIGEST = "blake3:" + "ab" * 32
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
parts = st.one_of(
    st.binary(max_size=20).map(lambda data: Part(len(data), inline=data)),
    st.builds(Part, st.integers(0, 2**40), st.just(DIGEST)).map(
        lambda part: Part(part.size, part.digest, part.size, ".arrow")
    ),
    st.just(Part(9, DIGEST, 5, codec="zstd", pack=DIGEST, offset=64)),
)
nodes: st.SearchStrategy[Node] = st.recursive(
    st.builds(
        Node,
        serializer=st.text(min_size=1),
        version=st.integers(1, 9),
        package=st.text(),
        parts=st.dictionaries(st.text(), parts, max_size=2),
        meta=st.dictionaries(st.text(), json_values, max_size=2),
        safe=st.booleans(),
    ),
    lambda inner: st.builds(
        Node,
        serializer=st.just("tree"),
        version=st.just(1),
        package=st.just("x 1"),
        parts=st.just({}),
        members=st.lists(inner, min_size=1, max_size=2).map(tuple),
    ),
    max_leaves=3,
)
manifests = st.builds(
    Manifest,
    key=st.text(),
    type=st.text(),
    content=nodes,
    digest=st.just(DIGEST),
    size=st.integers(0, 2**60),
    created=st.just("2026-01-01T00:00:00+00:00"),
    name=st.none() | st.text(),
    description=st.dictionaries(st.text(), json_values, max_size=2),
    lineage=st.dictionaries(st.text(), json_values, max_size=2),
).map(lambda manifest: replace(manifest, digest=content_digest(manifest.content)))


def sample(**fields: Any) -> Manifest:
    node = Node("text", 1, "x 1", {"data": Part(2, inline=b"hi")})
    digest = content_digest(node)
    return Manifest("k", "text", node, digest, 2, "2026-01-01T00:00:00+00:00", **fields)


@given(manifests)
def test_a_manifest_comes_back(manifest: Manifest) -> None:
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest


@given(manifests, st.binary(min_size=1))
def test_a_signature_holds_for_this_very_document(manifest: Manifest, key: bytes) -> None:
    data = manifest.to_bytes(key)
    signed = Manifest.from_bytes(data)
    assert signed.check_signature(data, key)
    with pytest.raises(SignatureError):
        signed.check_signature(data, key + b"x")
    record = json.loads(data)
    record["key"] += "x"
    with pytest.raises(SignatureError):
        signed.check_signature(json.dumps(record).encode(), key)


@given(manifests, st.binary(min_size=1), st.booleans())
def test_a_signature_holds_for_the_same_document_in_other_spacing(
    manifest: Manifest, key: bytes, quick: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if not quick:
            patch.setattr(_jsontext, "orjson", None)
        data = manifest.to_bytes(key)
    respaced = json.dumps(json.loads(data), ensure_ascii=False, indent=1).encode()
    assert Manifest.from_bytes(respaced).check_signature(respaced, key)


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), {"a": [None, float("nan")]}, {1, 2}])
def test_what_json_lacks_is_never_written_as_something_else(odd: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        sample(description={"first": None, "odd": odd}).to_bytes()


def test_an_unsigned_manifest_is_not_trusted() -> None:
    data = sample().to_bytes()
    assert not Manifest.from_bytes(data).check_signature(data, b"key")


def test_unknown_fields_are_ignored_and_newer_formats_refused() -> None:
    record = sample().to_json() | {"color": "blue"}
    record["content"]["color"] = "blue"
    record["content"]["parts"]["data"]["color"] = "blue"
    record["digest"] = record_digest(record["content"])
    read = Manifest.from_bytes(json.dumps(record).encode())
    assert replace(read, digest=sample().digest) == sample()
    record["format"] = 2
    with pytest.raises(FormatVersionError, match="install a newer aqueduct_core"):
        Manifest.from_bytes(json.dumps(record).encode())


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptArtifactError, match="'k'"):
        Manifest.from_bytes(data, "k")


@given(st.data())
def test_a_manifest_with_a_field_of_the_wrong_type_is_corrupt_or_ignored(
    data: st.DataObject,
) -> None:
    record = sample().to_json()
    target = data.draw(st.sampled_from([record, record["content"], record["content"]["parts"]]))
    field = data.draw(st.sampled_from(sorted(target)))
    target[field] = data.draw(json_values)
    try:
        Manifest.from_bytes(json.dumps(record).encode(), "k")
    except (CorruptArtifactError, FormatVersionError):
        return


@pytest.mark.parametrize("digest", ["blake3:../../x", "md5:" + "a" * 64, "blake3:" + "A" * 64, ""])
def test_a_digest_can_not_lead_out_of_the_parts(digest: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        object_path(digest, ".bin")
    record = sample().to_json()
    record["content"]["parts"]["data"] = {"size": 1, "digest": digest, "suffix": ".bin"}
    with pytest.raises(CorruptArtifactError):
        Manifest.from_bytes(json.dumps(record).encode())


@pytest.mark.parametrize("suffix", ["/../x", "bin", ".a/b", "." + "a" * 20, "."])
def test_a_suffix_can_not_lead_out_of_the_parts(suffix: str) -> None:
    with pytest.raises(ValueError, match="extension"):
        object_path(DIGEST, suffix)


def test_deep_nesting_is_corrupt_not_a_crash() -> None:
    text = '{"serializer":"a","version":1,"members":[' * 100_000
    with pytest.raises(CorruptArtifactError):
        Manifest.from_bytes(('{"format":1,"key":"k","content":' + text).encode())


@given(st.builds(ArtifactRef, st.text(), st.text(), st.text(), st.integers(), st.text()))
def test_a_reference_travels_as_json(ref: ArtifactRef) -> None:
    assert ArtifactRef.deserialize(json.loads(json.dumps(ref.serialize()))) == ref


def test_a_newer_reference_is_refused() -> None:
    with pytest.raises(FormatVersionError, match="install a newer"):
        ArtifactRef.deserialize({}, version=2)


def test_the_golden_manifest_of_format_1_is_read() -> None:
    """Written by hand when format 1 was fixed; must be readable for ever."""
    data = (Path(__file__).parent / "golden" / "manifest-1.json").read_bytes()
    manifest = Manifest.from_bytes(data)
    assert manifest.check_signature(data, b"golden")
    assert manifest.key == "daily/customers"
    assert not manifest.safe
    assert [node.serializer for node in manifest.content.walk()] == ["json", "parquet", "pickle"]
    assert [part.path for part in manifest.parts] == [
        None,
        f"parts/ab/{'ab' * 32}.parquet",
        f"parts/cd/{'cd' * 32}.pack",
    ]
    assert manifest.parts[0].inline == b'{"a":1}'
    assert manifest.parts[2].offset == 64
    assert manifest.parts[2].codec == "zstd"


@given(manifests, st.data())
def test_a_flipped_bit_in_the_content_is_noticed(manifest: Manifest, draw: st.DataObject) -> None:
    data = bytearray(manifest.to_bytes())
    start = data.index(b'"content"') + 10
    end = start + len(json.dumps(manifest.content.to_json(), separators=(",", ":")))
    position = draw.draw(st.integers(start, min(end, len(data)) - 1))
    data[position] ^= 1 << draw.draw(st.integers(0, 7))
    try:
        read = Manifest.from_bytes(bytes(data))
    except CorruptArtifactError:
        return
    # White space, the same text spelled otherwise, or who wrote it, which isn't content.
    assert content_digest(read.content) == content_digest(manifest.content)

"""The server shows what hostile people have published, and runs none of it."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.manifest import Manifest
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.runtime import Result
from aqueduct_core.store import ArtifactStore
from tests.server.conftest import Site

MARKUP = "</script><svg onload=alert(1)>\"'`{{7*7}}${x}"
UNPICKLED: list[str] = []
_watched: list[bool] = []


class Bomb:
    """What unpickles it runs code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _explode, ()


def _explode() -> Bomb:
    UNPICKLED.append("a bomb")
    return Bomb()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class" and _watched:
        UNPICKLED.append(f"{arguments[0]}.{arguments[1]}")


sys.addaudithook(_audit)


@pytest.fixture
def hostile(new_site: Callable[..., Site]) -> Site:
    """A site where a run has outputs that are made to hurt."""
    site = new_site()
    # Stored by somebody who has the storage and a key to sign with, as every worker does.
    store = site.client.store
    values = {
        "bomb": Bomb(),
        "text": MARKUP * 100,
        "json": {MARKUP: [MARKUP, {"a": MARKUP}]},
        "deep": _deep(),
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    }
    for name, value in values.items():
        _publish(site, name, store.put(value, f"hostile/{name}", name=MARKUP))
    import pandas as pd

    _publish(site, "table", store.put(pd.DataFrame({MARKUP: [MARKUP]}), "hostile/table"))
    return site


@pytest.fixture
def no_pickles(hostile: Site) -> Iterator[None]:
    """Fails if anything is unpickled in this process, the server's thread included."""
    UNPICKLED.clear()  # storing a pickle loads it once, to see that it comes back
    _watched.append(True)
    yield
    _watched.clear()
    assert UNPICKLED == []


def _deep() -> Any:
    value: Any = MARKUP
    for _ in range(60):
        value = [value]
    return value


def _publish(site: Site, name: str, ref: ArtifactRef) -> None:
    """Let an operator of the run have this output."""
    version = site.tracking.version(site.flow.id, site.run.version).version
    result = Result(
        operator=version.ids["train"],
        name="train",
        kind="op",
        run=site.run.id,
        state="succeeded",
        started=datetime.now(UTC).isoformat(),
        outputs={**getattr(site, "outputs", {}), name: ref},
        attempt=2,
    )
    site.outputs = result.outputs  # type: ignore[attr-defined]
    site.tracking.record(version, [result])


def _paths(site: Site) -> list[str]:
    base = f"/api/v1/flows/{site.flow.id}/runs/{site.run.id}"
    viewer = site.as_("viewer")
    artifacts = [item["name"] for item in viewer.get(f"{base}/artifacts").json()]
    assert len(artifacts) >= 6
    return [
        base,
        f"{base}/operators",
        f"{base}/operators/train",
        f"{base}/artifacts",
        *(f"{base}/artifacts/{name}" for name in artifacts),
        *(f"{base}/artifacts/{name}/download" for name in artifacts),
    ]


@pytest.mark.usefixtures("no_pickles")
def test_nothing_that_was_published_is_unpickled_or_shown_as_a_page(hostile: Site) -> None:
    viewer = hostile.as_("viewer")
    for path in _paths(hostile):
        answer = viewer.get(path)
        assert answer.status_code in (200, 404, 409), (path, answer.text)
        kind = answer.headers["content-type"]
        assert kind in ("application/json", "application/octet-stream", "application/problem+json")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_audit_would_tell() -> None:
    _watched.append(True)
    pickle.loads(pickle.dumps(Path))
    _watched.clear()
    assert UNPICKLED
    UNPICKLED.clear()


def test_previews_keep_text_as_text(hostile: Site) -> None:
    base = f"/api/v1/flows/{hostile.flow.id}/runs/{hostile.run.id}"
    found = hostile.as_("viewer").get(f"{base}/artifacts/train.table").json()
    assert found["description"]["preview"]["columns"] == [MARKUP]


@pytest.mark.usefixtures("no_pickles")
@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-20],
        lambda data: b"",
        lambda data: b"\xff\xfe",
        lambda data: b"[" * 100_000,
        lambda data: json.dumps({"format": 99}).encode(),
        lambda data: data.replace(b'"type"', b'"typo"'),
        lambda data: b'{"format":1,"content":{},"digest":"x","description":{"preview":NaN}}',
    ],
)
def test_a_manifest_that_was_damaged_is_an_error_and_no_crash(
    hostile: Site, change: Callable[[bytes], bytes]
) -> None:
    storage = hostile.client.store.storage
    (path,) = [item.key for item in storage.list("manifests/hostile/json")]
    storage.put(path, change(bytes(storage.get(path))))
    base = f"/api/v1/flows/{hostile.flow.id}/runs/{hostile.run.id}"
    viewer = hostile.as_("viewer")
    answer = viewer.get(f"{base}/artifacts/train.json")
    assert answer.status_code in (422, 500)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text
    assert viewer.get(base).status_code == 200, "the rest goes on"


def test_half_of_a_surrogate_pair_is_no_problem(hostile: Site) -> None:
    storage = hostile.client.store.storage
    (path,) = [item.key for item in storage.list("manifests/hostile/text")]
    data = json.loads(bytes(storage.get(path)))
    del data["signature"]
    data["description"] = {"preview": "\ud800", "number": 1e308}
    storage.put(path, json.dumps(data).encode())
    base = f"/api/v1/flows/{hostile.flow.id}/runs/{hostile.run.id}"
    answer = hostile.as_("viewer").get(f"{base}/artifacts/train.text")
    assert answer.status_code == 200, answer.text


def test_the_store_of_the_routes_trusts_nothing(hostile: Site) -> None:
    store: ArtifactStore = hostile.app.state.services.store
    manifest: Manifest = store.manifest("hostile/bomb")
    assert not manifest.safe
    with pytest.raises(PermissionError):
        store.get("hostile/bomb")

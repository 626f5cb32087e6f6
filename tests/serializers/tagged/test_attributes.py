"""Objects with more than their tag says: refused, rather than stored without it."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers.tagged import to_json
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import assert_identical
from tests.serializers import nests
from tests.serializers.tagged.round_trip import again


def test_what_was_added_to_a_network_is_not_left_out() -> None:
    network: Any = ipaddress.ip_network("10.0.0.0/30")
    assert network.broadcast_address  # which it remembers
    assert_identical(again(network), network)
    network.owner = "me"
    with pytest.raises(UnserializableError, match="no exact JSON form"):
        to_json(network)


def test_slots_of_models_are_not_left_out() -> None:
    model = nests.SlottedModel(a=1)
    assert_identical(again(model), model)
    object.__setattr__(model, "extra", 3)
    with pytest.raises(UnserializableError, match="no exact JSON form"):
        to_json(model)
    store = ArtifactStore("memory://", allow_pickle=True)
    with pytest.raises(UnserializableError, match="'extra' is lost"):
        store.put(model)


def test_classes_without_a_module_are_refused_like_others() -> None:
    value = type("Nowhere", (), {"__module__": None})()
    with pytest.raises(UnserializableError, match="no exact JSON form"):
        to_json([value])
    with pytest.raises(UnserializableError, match="no serializer of its own"):
        ArtifactStore("memory://").put([value])

"""The tests of the kit, and what else is promised."""

import pytest
from acme_temperature import Temperature
from acme_temperature.serializer import TemperatureSerializer

from aqueduct_core import ArtifactStore
from aqueduct_core.errors import UnserializableError
from aqueduct_core.testing import SerializerTests


class TestTemperatureSerializer(SerializerTests):
    """All that a serializer must do, with these values."""

    serializer = TemperatureSerializer()
    values = (
        Temperature(20.5),
        Temperature(-0.0, "F"),
        Temperature(float("inf"), "K"),
        Temperature(float("nan"), "C"),
    )


def test_it_is_found_when_the_package_is_installed(tmp_path):
    store = ArtifactStore(tmp_path)
    ref = store.put({"today": Temperature(20.5)}, "weather")
    assert store.get(ref) == {"today": Temperature(20.5)}
    assert ref.serializer == "json"
    assert store.put(Temperature(1.0), "now").serializer == "acme.temperature"


@pytest.mark.parametrize("odd", [Temperature(20.5, "X"), Temperature(20, "C")])
def test_what_can_not_be_kept_is_refused(tmp_path, odd):
    with pytest.raises(UnserializableError, match="no temperature"):
        ArtifactStore(tmp_path).put(odd, "k")

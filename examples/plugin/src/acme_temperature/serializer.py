"""How a temperature is stored: 8 bytes and the unit."""

import struct

from acme_temperature.temperature import Temperature
from aqueduct_core.errors import CorruptArtifactError, UnserializableError


class TemperatureSerializer:
    """Temperatures in Celsius, Fahrenheit and Kelvin."""

    name = "acme.temperature"  # stands in every manifest for ever
    version = 1  # raise it when `dump` writes something else; `load` reads all older ones
    types = (Temperature,)

    def dump(self, obj, sink):
        if obj.unit not in ("C", "F", "K") or type(obj.degrees) is not float:
            raise UnserializableError(f"{obj!r} is no temperature", hint="Temperature(20.5, 'C')")
        sink.write(struct.pack("<d", obj.degrees), obj.unit.encode())

    def load(self, source):
        data = bytes(source.view())
        if len(data) != 9 or data[8:] not in (b"C", b"F", b"K"):
            raise CorruptArtifactError("these are no 9 bytes of a temperature")
        return Temperature(struct.unpack("<d", data[:8])[0], data[8:].decode())

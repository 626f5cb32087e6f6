"""Takes a class of another package, which has a serializer already."""

import struct


class PointSerializer:
    name = "rival.point"
    version = 1
    types = ("acme_point.Point",)

    def dump(self, obj, sink):
        sink.write(struct.pack("<2d", obj.x, obj.y))

    def load(self, source):
        from acme_point import Point

        return Point(*struct.unpack("<2d", source.view()))

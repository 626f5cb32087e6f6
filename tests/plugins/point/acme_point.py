"""A class, and all that it takes to store it: 11 lines."""

import json
from dataclasses import asdict, dataclass


@dataclass
class Point:
    x: float
    y: float


class PointSerializer:
    name = "acme.point"
    version = 1
    types = (Point,)

    def dump(self, obj, sink):
        sink.write(json.dumps(asdict(obj)).encode())

    def load(self, source):
        return Point(**json.loads(bytes(source.view())))

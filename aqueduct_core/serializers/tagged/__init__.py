"""Any value of the standard library (and more) as JSON, exactly, and back.

Plain JSON stays plain: null, true, integers of 64 bits, finite numbers, text, lists, and dicts whose
keys are text. Everything else becomes an object with a `"$type"`:

| value | node |
|---|---|
| `(1, 2)` | `{"$type": "tuple", "items": [1, 2]}` |
| `{1: "a"}`, `{"$type": 1}` | `{"$type": "dict", "items": [[1, "a"]]}` |
| `{1, 2}` | `{"$type": "set", "items": [1, 2]}` |
| `float("nan")` | `{"$type": "float", "value": "nan"}` |
| `2**64` | `{"$type": "int", "hex": "0x10000000000000000"}` |
| `b"a"` | `{"$type": "bytes", "base64": "YQ=="}` |
| `Color.RED` | `{"$type": "enum", "class": "paint:Color", "name": "RED"}` |
| `Point(x=1)` | `{"$type": "dataclass", "class": "shapes:Point", "fields": {"x": 1}}` |

and so on; `docs/format.md` has them all. A list, dict or other changeable container that is met more
than once, or contains itself, makes the whole a `{"$type": "graph"}` with references in it.
"""

from __future__ import annotations

from aqueduct_core.serializers.tagged._convert import from_json, to_json

__all__ = ["from_json", "to_json"]

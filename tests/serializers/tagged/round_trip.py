"""What tests of the tagged form share."""

from __future__ import annotations

import json
from typing import Any

from aqueduct_core.serializers.tagged import from_json, to_json
from aqueduct_core.testing import forbid_code


def again(value: Any) -> Any:
    text = json.dumps(to_json(value), allow_nan=False, ensure_ascii=False).encode()
    with forbid_code():
        return from_json(json.loads(text))

"""What the OpenAPI document says is true: requests made from it are answered as it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from tests.server.conftest import Site

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")
# Half a minute of a processor, of which a busy machine may have little.
pytestmark = pytest.mark.timeout(600)
TRIES = 2  # requests for each operation, of those that are right and of those that are not


@pytest.fixture(scope="module")
def headers(site: Site) -> Iterator[dict[str, str]]:
    """Those of somebody who may do everything."""
    made, key = site.tracking.create_api_key("schema", "admin")
    yield {"Authorization": f"Bearer {key}"}
    site.tracking.revoke_api_key(made.id)


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_answers_are_as_described(site: Site, headers: dict[str, str], mode: str) -> None:
    schema = schemathesis.openapi.from_url(f"{site.address}/api/v1/openapi.json")
    # Queries that say more than is known are answered; the key has tests of its own.
    schema.config.generation.update(allow_extra_parameters=False, with_security_parameters=False)
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path != "/api/v1/events":  # it never ends
            _try(operation, headers, site, schemathesis.GenerationMode[mode])
            tried += 1
    assert tried > 40


def _try(operation: Any, headers: dict[str, str], site: Site, mode: Any) -> None:
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    unsure = [positive_data_acceptance]
    there = {"flow": site.flow.id, "run": site.run.id, "name": "flights", "version": "1"}

    @settings(
        max_examples=TRIES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: Any) -> None:
        # 422 is documented for what a schema can't say: a cursor of another list, no such parameter.
        case.call_and_validate(headers=headers, timeout=60, excluded_checks=unsure)
        if case.method == "GET" and mode.is_positive:  # the same of what is there
            known = {name: there.get(name, value) for name, value in case.path_parameters.items()}
            case.path_parameters = known
            answer = case.call(headers=headers, timeout=60)
            case.validate_response(answer, excluded_checks=unsure)

    try:
        attempt()
    except Unsatisfiable:  # nothing can be wrong about it
        assert not mode.is_positive

"""Metrics and checks over the runs of a workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import aqueduct_core as aq
from tests.server.conftest import Site, serving
from tests.server.pages.conftest import Look, looking


@pytest.fixture(scope="module")
def gauge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a metric that has bounds, and was out of them once; of two versions."""
    with aq.Client(home=tmp_path_factory.mktemp("gauge") / "home") as client:

        @aq.metric
        def level(height: float) -> float:
            """How high it stands."""
            return height

        @aq.op
        def measure(height: float) -> float:
            return height

        @aq.op(name="measure")
        def measure_twice(height: float) -> float:
            return (height + height) / 2

        height = client.create_param("height", 1.0)
        level(measure(height)).bound(lower=0.5, severity="error")
        level(measured := measure_twice(height)).bound(lower=0.5, severity="error")
        first = measure(height)
        level(first).bound(lower=0.5, severity="error")
        flow = client.publish_flow("Gauge", [first], quiet=True)
        flow.trigger({"height": 0.25}, quiet=True)
        client.publish_flow("Gauge", [measured], quiet=True)
        with serving(client) as served:
            site = Site(client, served, flow)
            yield site
            site.close()


@pytest.fixture
def see(gauge: Site) -> Look:
    return looking(gauge)


def test_a_metric_is_plotted_with_its_bounds_and_versions(gauge: Site, see: Look) -> None:
    flow = f"/flows/{gauge.flow.id}"
    page = see(f"{flow}/metrics/level")
    for words in ("at least 0.5", "v1", "v2", "outside", "How high it stands", "Least 0.2500"):
        assert words in page.words, words
    assert f"{flow}/runs/{gauge.flow.latest().id}" in page.links


def test_a_check_is_a_strip_of_verdicts(gauge: Site, see: Look) -> None:
    page = see(f"/flows/{gauge.flow.id}/checks/level >= 0.5")
    for words in ("Passed 67%", "Failed 1", "The last 3 runs"):
        assert words in page.words, words
    assert f"/flows/{gauge.flow.id}/metrics/level" in page.links


def test_a_metric_that_never_gave_a_number_says_so(new_site: Callable[[], Site]) -> None:
    @aq.op
    def height() -> float:
        return 1.0

    @aq.metric
    def in_words(height: float) -> str:  # what metrics may not return
        return "high"

    site = new_site()
    made = height()
    in_words(made)
    flow = site.client.publish_flow("Words", [made], quiet=True)
    assert "No value yet" in looking(site)(f"/flows/{flow.id}/metrics/in_words").words


@pytest.mark.parametrize("kind", ["metrics", "checks"])
def test_one_that_never_was_says_so(gauge: Site, see: Look, kind: str) -> None:
    see(f"/flows/{gauge.flow.id}/{kind}/nothing", status=404)
    see(f"/flows/{gauge.flow.id}/{kind}/measure", status=404)

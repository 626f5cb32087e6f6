from __future__ import annotations

import io
from typing import Any, ClassVar

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure
from PIL import Image

from aqueduct_core import ArtifactStore
from aqueduct_core.errors import UnsafeArtifactError
from aqueduct_core.serializers.figure import FigureSerializer
from aqueduct_core.testing import SerializerTests

mpl.use("Agg")


def figure() -> Figure:
    made = Figure(figsize=(3, 2), dpi=50)
    axes = made.subplots()
    axes.plot([1, 2, 3], [3, 1, 2], label="line")
    axes.set_title("A title")
    axes.legend()
    return made


def drawn(value: Figure) -> bytes:
    buffer = io.BytesIO()
    value.savefig(buffer, format="png")
    return buffer.getvalue()


class TestFigureSerializer(SerializerTests):
    serializer = FigureSerializer()
    values: ClassVar = [figure(), Figure()]

    def assert_identical(self, loaded: Any, value: Any) -> None:
        assert type(loaded) is Figure
        assert [axes.get_title() for axes in loaded.axes] == [
            axes.get_title() for axes in value.axes
        ]
        assert drawn(loaded) == drawn(value)

    def test_saving_does_not_change_the_value_and_is_deterministic(
        self, store: ArtifactStore
    ) -> None:
        value = figure()
        first = self.put(store, value)
        assert store.get(first).axes[0].lines[0].get_xydata().tolist() == [[1, 3], [2, 1], [3, 2]]
        assert value.stale  # it was not drawn


def test_anybody_can_look_at_the_picture(tmp_path: Any) -> None:
    ref = ArtifactStore(tmp_path, allow_pickle=True).put(figure(), "f")
    assert (ref.serializer, ref.type) == ("matplotlib", "image")
    store = ArtifactStore(tmp_path)
    with pytest.raises(UnsafeArtifactError):
        store.get("f")
    with store.open("f", "png") as file:
        assert Image.open(io.BytesIO(file.read())).size == (150, 100)
    described = store.manifest("f").description
    assert described["axes"] == ["A title"]
    assert described["preview"]["png"]


def test_pyplot_knows_no_more_figures_than_before(tmp_path: Any) -> None:
    made = plt.figure()
    before = plt.get_fignums()
    ArtifactStore(tmp_path, allow_pickle=True).put(made, "f")
    assert plt.get_fignums() == before
    plt.close(made)

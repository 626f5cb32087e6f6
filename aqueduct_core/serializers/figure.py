"""matplotlib's figures: a pickle to go on with, and a picture to look at."""

from __future__ import annotations

import base64
import io
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aqueduct_core.abc import JSON, Budget, Sink, Source
from aqueduct_core.serializers.pickle import PickleSerializer

__all__ = ["FigureSerializer"]

_THUMBNAILS = (320, 200, 100)  # pixels of its longer side: the largest that fits


class FigureSerializer:
    """`matplotlib.figure.Figure` as a pickle, with the picture that it makes beside it as PNG.

    What comes back is a figure that can be changed and drawn again. That takes a pickle, as
    matplotlib has no other format for figures, so it is loaded only from artifacts that are trusted.
    The picture is in the part `png`: `store.open(ref, "png")` gives it to anybody.
    """

    name = "matplotlib"
    version = 1
    types: tuple[type | str, ...] = ("matplotlib.figure.Figure",)
    safe = False
    artifact = "image"
    suffix = ".pkl"

    def accepts(self, obj: Any, /) -> bool:
        from matplotlib.figure import Figure

        return type(obj) is Figure

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        with _pyplot_as_it_was():  # a pickle is tried
            meta = PickleSerializer().dump(obj, sink)
        sink.write(_picture(obj), part="png")
        return meta

    def load(self, source: Source, /) -> Any:
        return PickleSerializer().load(source)

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        """Its size, the titles of its axes, and a small picture."""
        width, height = (float(length) for length in obj.get_size_inches())
        titles: list[JSON] = [axes.get_title()[:200] for axes in obj.axes[: budget.rows]]
        known: dict[str, JSON] = {
            "class": "matplotlib.figure.Figure",
            "width": round(width * obj.dpi),
            "height": round(height * obj.dpi),
            "axes": titles,
        }
        for side in _THUMBNAILS:
            small = _picture(obj, dpi=max(8.0, side / max(width, height, 1.0)))
            text = base64.b64encode(small).decode()
            if len(text) <= budget.size:
                return known | {"preview": {"png": text}}
        return known


def _picture(figure: Any, dpi: float | None = None) -> bytes:
    """A figure as PNG; drawing changes a figure, so a copy is drawn."""
    with _pyplot_as_it_was():
        copy = pickle.loads(pickle.dumps(figure))  # noqa: S301  # our own bytes
        buffer = io.BytesIO()
        resolution = copy.dpi if dpi is None else dpi
        copy.savefig(buffer, format="png", dpi=resolution, metadata={"Software": None})
    return buffer.getvalue()


@contextmanager
def _pyplot_as_it_was() -> Iterator[None]:
    """Take the copies of its figures out of pyplot, which unpickling puts there."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    before = [] if pyplot is None else pyplot.get_fignums()
    yield
    for number in set([] if pyplot is None else pyplot.get_fignums()) - set(before):
        pyplot.close(number)

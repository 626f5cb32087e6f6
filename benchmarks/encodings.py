"""Measure what the cost model of `aqueduct_core.encoding` assumes, and draw what follows from it.

    python -m benchmarks.encodings          # print the figures
    python -m benchmarks.encodings --docs   # and renew docs/encoding.md

Each format is measured in memory, hashing included, so that what remains is the format's own work; the
time for the line comes from the profile, as in the model.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

from aqueduct_core import ArtifactStore
from aqueduct_core.encoding import LOADS, PROFILES, Profile
from aqueduct_core.storage import open_storage
from benchmarks import cases
from benchmarks.report import OURS, replace, save_figure, size_over_time

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "encoding.md"
LEVELS = (1, 3, 9)
POLICIES = ("fast", "balanced", "small")
COLOURS = {"fast": OURS, "balanced": "#c2452d", "small": "#c9a227"}

VALUES: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "mixed frame": (lambda: cases.mixed(300_000, 0), ("arrow", "parquet")),
    "float64 frame": (lambda: cases.floats(1_000_000, 0), ("arrow", "parquet")),
    "string frame": (lambda: cases.strings(500_000, 0), ("arrow", "parquet")),
    "image": (lambda: cases.image(1_000, 0), ("image.raw", "image.png")),
    "array": (lambda: cases.array(16_384, 0), ("npy",)),
    "text": (lambda: cases.prose(30_000_000, 0), ("text",)),
}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to store one value: seconds without the line, and size relative to memory."""

    name: str
    encode: float
    decode: float
    ratio: float

    def spent(self, size: int, profile: Profile) -> float:
        """Seconds for one save and the loads, the line included."""
        stored = self.ratio * size
        save = self.encode + stored / profile.upload
        return save + LOADS * (self.decode + stored / profile.download)


def ways(value: Any, serializers: tuple[str, ...], rounds: int) -> list[Way]:
    """All ways to store a value, with and without zstd on top."""
    size = cases.size(value)
    found = []
    for serializer in serializers:
        store = ArtifactStore(f"memory://{serializer}", policy="fast", describe=False)

        def save(store: ArtifactStore = store, serializer: str = serializer) -> Any:
            store.storage.delete(*(info.key for info in store.storage.list()))
            return store.put(value, "value", serializer=serializer)

        def load(store: ArtifactStore = store) -> Any:
            return cases.touch(store.get("value"))

        encode, decode = median(save, rounds), median(load, rounds)
        parts = store.manifest("value").parts
        stored = sum(part.stored or part.size for part in parts)
        found.append(Way(serializer, encode, decode, stored / size))
        if serializer not in ("parquet", "image.png"):
            data = b"".join(store.storage.get(str(part.path)) for part in parts if part.path)
            found += [zipped(found[-1], data, size, level) for level in LEVELS]
    return found


def zipped(raw: Way, data: bytes, size: int, level: int) -> Way:
    """The same with zstd on top."""
    packed = zstd.compress(data, level)
    encode = median(lambda: zstd.compress(data, level), 1)
    decode = median(lambda: zstd.decompress(packed), 3)
    return Way(
        f"{raw.name}, zstd {level}", raw.encode + encode, raw.decode + decode, len(packed) / size
    )


def median(call: Callable[[], Any], rounds: int) -> float:
    call()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def chosen(value: Any, profile: str, policy: str) -> tuple[str, float]:
    """What the store itself takes: the serializer, and the size relative to memory."""
    storage = open_storage("memory://chosen")
    storage.profile = profile
    store = ArtifactStore(storage, policy=policy, describe=False)  # type: ignore[arg-type]  # from POLICIES
    ref = store.put(value, "value")
    parts = store.manifest(ref).parts
    stored = sum(part.stored or part.size for part in parts)
    store.storage.delete(*(info.key for info in store.storage.list()))
    return ref.serializer, stored / cases.size(value)


def figure(
    found: dict[str, list[Way]], picks: dict[tuple[str, str, str], tuple[str, float]]
) -> Any:
    """Time against size for each value and profile; rings show what each policy takes."""
    places = [name for name in PROFILES if name != "memory"]
    shape = (len(found), len(places))
    drawing, axes = plt.subplots(*shape, figsize=(9, 2.6 * len(found)), squeeze=False)
    for row, (name, options) in enumerate(found.items()):
        size = cases.size(VALUES[name][0]())
        for column, place in enumerate(places):
            axis = axes[row][column]
            for way in options:
                spot = (way.spent(size, PROFILES[place]), way.ratio)
                axis.scatter(*spot, color="#77858b", s=14, zorder=2)
                label = way.name.rpartition(", zstd ")[2]  # the level, where there is one
                axis.annotate(label, spot, xytext=(4, 3), textcoords="offset points", fontsize=7)
            for ring, policy in enumerate(POLICIES):
                serializer, ratio = picks[name, place, policy]
                way = nearest(options, serializer, ratio)
                spot = (way.spent(size, PROFILES[place]), way.ratio)
                axis.scatter(
                    *spot,
                    s=60 + 60 * ring,
                    facecolors="none",
                    edgecolors=COLOURS[policy],
                    linewidths=1.4,
                    label=policy,
                    zorder=3,
                )
            size_over_time(axis, f"{name}, {place}")
    rings = axes[0][0].get_legend_handles_labels()
    drawing.legend(*rings, loc="outside upper center", ncols=3, title="what each policy takes")
    under = f"seconds for one save and {LOADS} loads (log); numbers: the level of zstd on top"
    drawing.supxlabel(under, fontsize=9)
    drawing.supylabel("stored size / size in memory", fontsize=9)
    return drawing


def nearest(options: list[Way], serializer: str, ratio: float) -> Way:
    """The measured way that a policy has taken: same serializer, closest size."""
    same = [way for way in options if way.name.partition(",")[0] == serializer] or options
    return min(same, key=lambda way: abs(way.ratio - ratio))


def formats_table(found: dict[str, list[Way]]) -> str:
    lines = [
        "| value | stored as | encode, MB/s | decode, MB/s | stored / memory |",
        "|---|---|--:|--:|--:|",
    ]
    for name, options in found.items():
        size = cases.size(VALUES[name][0]()) / 1e6
        for way in options:
            speeds = f"{size / way.encode:,.0f} | {size / way.decode:,.0f}"
            lines.append(f"| {name} | {way.name} | {speeds} | {way.ratio:.2f} |")
    return "\n".join([*lines, "", "![Time against size](benchmarks/encodings.svg)"])


def profiles_table() -> str:
    lines = [
        "| profile | upload, MB/s | download, MB/s | default policy |",
        "|---|--:|--:|---|",
    ]
    for name, profile in PROFILES.items():
        speeds = f"{profile.upload / 1e6:,.0f} | {profile.download / 1e6:,.0f}"
        lines.append(f"| {name} | {speeds} | `{profile.default}` |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", action="store_true", help="renew docs/encoding.md")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-k", default="", help="only values whose name holds this")
    options = parser.parse_args()
    found, picks = {}, {}
    for name, (make, serializers) in VALUES.items():
        if options.k not in name:
            continue
        value = make()
        found[name] = ways(value, serializers, options.rounds)
        for place in PROFILES:
            for policy in POLICIES:
                picks[name, place, policy] = chosen(value, place, policy)
        for way in found[name]:
            size = cases.size(value) / 1e6
            print(
                f"{name:14} {way.name:18} encode {size / way.encode:8,.0f} MB/s "
                f"decode {size / way.decode:8,.0f} MB/s ratio {way.ratio:.3f}"
            )
        print(
            f"{name:14} taken: "
            + ", ".join(f"{p}/{q}={picks[name, p, q][0]} {picks[name, p, q][1]:.2f}"
                        for p in PROFILES for q in POLICIES)
        )  # fmt: skip
    if options.docs:
        replace(PAGE, formats_table(found), "<!-- formats: begin -->", "<!-- formats: end -->")
        replace(PAGE, profiles_table(), "<!-- profiles: begin -->", "<!-- profiles: end -->")
        (PAGE.parent / "benchmarks").mkdir(exist_ok=True)
        save_figure(figure(found, picks), PAGE.parent / "benchmarks" / "encodings")


if __name__ == "__main__":
    main()

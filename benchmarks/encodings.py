"""Measure what the cost model of `aqueduct_core.encoding` assumes, and draw what follows from it.

    python -m benchmarks.encodings          # print the figures
    python -m benchmarks.encodings --docs   # and renew docs/encoding.md

Each format is written in memory, hashing included, and loaded from a folder, where it may be mapped; so
what remains is the format's own work. The time for the line comes from the profile, as in the model. What
counts is the time of the processor, of all threads, in the best of several rounds: it depends least on
what else the machine does. From these come the constants of the model, which are printed last.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

from aqueduct_core import ArtifactStore
from aqueduct_core.encoding import FORMATS, LOADS, PROFILES, Profile
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
COMPRESSED = ("parquet", "image.png")  # by themselves
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
        encode, decode, data = alone(value, serializer, rounds)
        found.append(Way(serializer, encode, decode, len(data) / size))
        if serializer not in COMPRESSED:
            found += [zipped(found[-1], data, size, level) for level in LEVELS]
    return found


def alone(value: Any, serializer: str, rounds: int) -> tuple[float, float, bytes]:
    """Seconds to save and to load by one serializer, and what it has stored."""
    with tempfile.TemporaryDirectory() as folder:
        store = ArtifactStore(f"memory://{serializer}", policy="fast", describe=False)
        kept = ArtifactStore(folder, policy="fast", describe=False)
        kept.put(value, "value", serializer=serializer)

        def save() -> Any:
            store.storage.delete(*(info.key for info in store.storage.list()))
            return store.put(value, "value", serializer=serializer)

        encode = least(save, rounds)
        decode = least(lambda: cases.touch(kept.get("value")), rounds)
        parts = store.manifest("value").parts
        data = b"".join(store.storage.get(str(part.path)) for part in parts if part.path)
        return encode, decode, data


def zipped(raw: Way, data: bytes, size: int, level: int) -> Way:
    """The same with zstd on top."""
    packed = zstd.compress(data, level)
    encode = least(lambda: zstd.compress(data, level), 2)
    decode = least(lambda: zstd.decompress(packed), 3)
    return Way(
        f"{raw.name}, zstd {level}", raw.encode + encode, raw.decode + decode, len(packed) / size
    )


def least(call: Callable[[], Any], rounds: int) -> float:
    """The processor's seconds of the best call, after one that doesn't count."""
    call()
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return min(taken)


def constants(found: dict[str, list[Way]], rounds: int) -> str:
    """What `aqueduct_core.encoding` should say, by the geometric means of what was measured."""
    lines = []
    sizes = {name: cases.size(VALUES[name][0]()) for name in found}
    every = [(sizes[name], way) for name, options in found.items() for way in options]
    for form in FORMATS:
        took = [(size, way) for size, way in every if way.name == form]
        if took:
            encode, decode = (
                middle(size / 1e6 / getattr(way, verb) for size, way in took)
                for verb in ("encode", "decode")
            )
            ratio = middle(way.ratio for _, way in took)
            overhead = fixed(form, rounds) if form in VALUES["mixed frame"][1] else 0.0
            lines.append(
                f"{form}: {encode:,.0f} MB/s, {decode:,.0f} MB/s, {ratio:.2f}, {overhead * 1e3:.2g} ms"
            )
    for level in LEVELS:
        on_top = [
            (sizes[name], options[0], way, options[1])
            for name, options in found.items()
            for way in options
            if way.name.endswith(f", zstd {level}")
        ]
        encode = middle(s * raw.ratio / 1e6 / (w.encode - raw.encode) for s, raw, w, _ in on_top)
        decode = middle(s * raw.ratio / 1e6 / (w.decode - raw.decode) for s, raw, w, _ in on_top)
        relative = middle(way.ratio / first.ratio for _, _, way, first in on_top)
        lines.append(f"zstd {level}: {encode:,.0f} MB/s, {decode:,.0f} MB/s, {relative:.2f}")
    return "\n".join(lines)


def fixed(serializer: str, rounds: int) -> float:
    """Seconds that a table takes however small it is: the mean of a save and the loads."""
    save, load, _ = alone(cases.mixed(10, 0), serializer, 10 * rounds)
    return (save + LOADS * load) / (1 + LOADS)


def middle(values: Iterable[float]) -> float:
    """The geometric mean."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs))


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
    print(constants(found, options.rounds))
    if options.docs:
        replace(PAGE, formats_table(found), "<!-- formats: begin -->", "<!-- formats: end -->")
        replace(PAGE, profiles_table(), "<!-- profiles: begin -->", "<!-- profiles: end -->")
        (PAGE.parent / "benchmarks").mkdir(exist_ok=True)
        save_figure(figure(found, picks), PAGE.parent / "benchmarks" / "encodings")


if __name__ == "__main__":
    main()

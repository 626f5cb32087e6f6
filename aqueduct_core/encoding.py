"""Which format and which compression a value gets: one cost model for every type.

Saving a value costs time once, each load costs time again, and keeping it costs money. For a value of
`size` bytes in a format that encodes and decodes at some speed and shrinks it to `ratio * size`:

    save = overhead + size / encode + ratio * size / upload
    load = overhead + size / decode + ratio * size / download
    cost = save + LOADS * load + weight * ratio * size

in seconds; the format with the lowest cost is taken. `upload` and `download` come from the storage's
profile, which `aqueduct bench --calibrate` measures. `weight` is what the policy says a stored byte is
worth in seconds: nothing for `fast`, everything for `small`; for `balanced` it is the price of keeping the
byte for a year over the price of a second of a worker and of whoever waits for it. The speeds and ratios
of formats are measured by `benchmarks/encodings.py`; the ratio of a codec is taken from a sample of the
very bytes. `docs/encoding.md` shows the figures.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, TypeAlias, get_args

from aqueduct_core.errors import ParameterError

__all__ = ["PROFILES", "Format", "Plan", "Policy", "Profile", "choose_codec", "choose_format"]

Policy: TypeAlias = Literal["fast", "balanced", "small"]
POLICIES: tuple[str, ...] = get_args(Policy)

_MB = 1e6
LOADS = 3  # a result is read by its consumer, by a check, and once by a person
MONTHS = 12  # for how long a result is kept
PRICE = 0.023  # dollars for a gigabyte and a month: the list price of object storage
SECOND = 0.001  # dollars


@dataclass(frozen=True, slots=True)
class Profile:
    """What a kind of storage costs.

    Attributes:
        upload: Bytes a second.
        download: Bytes a second.
        default: The policy of stores on it that aren't given another.
        latency: Seconds until the smallest request is answered; the same for all formats.
        price: Dollars for keeping a gigabyte for a month.
    """

    upload: float
    download: float
    default: Policy
    latency: float = 0.0
    price: float = PRICE


PROFILES = {
    "memory": Profile(5_000 * _MB, 10_000 * _MB, "fast"),
    "local": Profile(1_500 * _MB, 10_000 * _MB, "fast"),
    "remote": Profile(100 * _MB, 200 * _MB, "balanced"),
}


CODECS = (None, "none", *(f"zstd:{level}" for level in range(1, 20)))


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be chosen by.

    Attributes:
        policy: What to optimise.
        profile: What the storage costs.
        codec: The codec of every part that its format leaves as it is: `none`, or `zstd:` and a level;
            None to choose one for each.
    """

    policy: Policy
    profile: Profile
    codec: str | None = None

    def __post_init__(self) -> None:
        if self.codec not in CODECS:
            raise ParameterError(
                f"there is no codec {self.codec!r}", hint="use none, or zstd:1 to zstd:19"
            )


@dataclass(frozen=True, slots=True)
class Format:
    """How one format does on typical values of its family.

    Attributes:
        encode: Bytes a second.
        decode: Bytes a second.
        ratio: Stored size over size in memory.
        overhead: Seconds per value, whatever its size.
    """

    encode: float
    decode: float
    ratio: float
    overhead: float = 0.0


FORMATS = {
    "arrow": Format(1_800 * _MB, 14_000 * _MB, 1.0, 0.0009),
    "parquet": Format(260 * _MB, 660 * _MB, 0.41, 0.003),
    "image.raw": Format(1_800 * _MB, 4_800 * _MB, 1.0),
    "image.png": Format(39 * _MB, 230 * _MB, 0.42),
}
"""As `benchmarks/encodings.py` measures them: the means over its values, rounded to two digits."""

_UNKNOWN = Format(500 * _MB, 500 * _MB, 1.0)

ZSTD = {
    1: (480 * _MB, 830 * _MB, 1.0),
    3: (230 * _MB, 740 * _MB, 0.97),
    9: (84 * _MB, 600 * _MB, 0.97),
}
"""Level -> bytes a second in, bytes a second out, size relative to level 1 where that isn't tried.

Measured likewise. How much smaller higher levels make a value differs too much for a mean to tell, so where
it matters, they are tried.
"""

_SMALLEST = 512  # below this a frame header eats what compression saves
_SAMPLE, _LARGE_SAMPLE = 1 << 16, 1 << 18
_LARGE = 4 << 20  # from here on each level is tried on the larger sample


def choose_format(names: Sequence[str], size: int, plan: Plan) -> str:
    """The name of the cheapest of several formats for a value of `size` bytes in memory."""
    if len(names) == 1:
        return names[0]
    return min(names, key=lambda name: _cost(FORMATS.get(name, _UNKNOWN), size, plan))


def choose_codec(buffers: Sequence[memoryview], size: int, plan: Plan) -> int | None:
    """The zstd level for the `size` bytes of some buffers, or None to leave them as they are."""
    if plan.codec is not None:
        return int(plan.codec.partition(":")[2] or 0) or None
    if plan.policy == "fast" or size < _SMALLEST:
        # Compression can only win time on a slow line, and `fast` is for those who know theirs.
        return None
    from aqueduct_core.store._zstd import compress

    taken = b"".join(_sample(buffers, size))
    shrunk = len(compress([taken], 1)) / len(taken) if taken else 1.0
    if shrunk > 0.95:
        return None
    options: dict[int | None, Format] = {None: Format(1e12, 1e12, 1.0)}
    for level, (encode, decode, relative) in ZSTD.items():
        ratio = shrunk * relative
        if level > 1 and (size >= _LARGE or plan.policy == "small"):
            ratio = len(compress([taken], level)) / len(taken)
        options[level] = Format(encode, decode, ratio)
    return min(options, key=lambda level: _cost(options[level], size, plan))


def _sample(buffers: Sequence[memoryview], size: int) -> list[memoryview]:
    """Four evenly spaced pieces of the concatenation of `buffers`: 64 KiB, or 256 of 4 MiB or more."""
    if size <= _SAMPLE:
        return list(buffers)
    piece = (_LARGE_SAMPLE if size >= _LARGE else _SAMPLE) // 4
    starts = [(size - piece) * index // 3 for index in range(4)]
    found: list[memoryview] = []
    begin = 0
    for buffer in buffers:
        end = begin + buffer.nbytes
        inside = (start - begin for start in starts if begin <= start < end)
        found.extend(buffer[start : start + piece] for start in inside)
        begin = end
    return found


def size_of(obj: Any) -> int:
    """Roughly how many bytes an object takes in memory; only the order of magnitude matters.

    Taken from its dimensions: to ask a library for the bytes can cost a pass over the data.
    """
    for name in ("shape", "size"):  # tables and arrays; PIL images
        dimensions = getattr(obj, name, None)
        if isinstance(dimensions, tuple):
            return 8 * prod(dimensions)
    return sys.getsizeof(obj)


def _cost(form: Format, size: int, plan: Plan) -> float:
    place = plan.profile
    stored = form.ratio * size
    if plan.policy == "small":
        return stored
    save = form.overhead + size / form.encode + stored / place.upload
    load = form.overhead + size / form.decode + stored / place.download
    weight = 0.0 if plan.policy == "fast" else MONTHS * place.price / 1e9 / SECOND
    return save + LOADS * load + weight * stored

"""The run settings of an operator: what `@op(...)` takes, checked when it is written."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from aqueduct_core._offers import alike
from aqueduct_core.dag._sites import refusal
from aqueduct_core.dag._spec import Settings

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["INFER", "RunOptions", "settings_of"]

INFER = "infer"
_OLDEST = 11  # the oldest minor version of Python that this package runs on
_PYTHON = re.compile(r"3\.(\d+)(\.\d+)?")
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGTP]?)(i?)B?")
_RESOURCES = ("cpu", "gpu", "memory")
_ALIKE = 0.7  # "cpus" is, "tpu" and "nvidia.com/gpu" aren't
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*([\[<>=!~@;(].*)?")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


class RunOptions(TypedDict, total=False):
    """How the operators that a function makes shall be run.

    Attributes:
        requirements: What the environment needs: a list as pip writes it, the path of a
            requirements file (relative to the function's file, or else to the working directory),
            or `"infer"` to take what the function imports in its installed versions. By default
            operators run in the environment of the workflow.
        python: The Python of the environment: `"3.12"`.
        resources: `cpu` and `gpu` as numbers, `memory` in bytes or as `"4GB"`, `"4GiB"`; others
            are passed to the engine as they are. This machine runs as many operators at a time as
            their `cpu` allows, and can't hold them to the rest; clusters can.
        retries: How often to try again after a failure.
        retry_delay: How long to wait before that: seconds or a `timedelta`.
        timeout: After which time an attempt is stopped: seconds or a `timedelta`.
        cache: Skip the operator when neither its code nor its inputs have changed.
        engine_options: What only one engine understands.
        image: A container image, for engines that start containers.
    """

    requirements: Sequence[str] | str | Literal["infer"] | None
    python: str | None
    resources: Mapping[str, Any]
    retries: int
    retry_delay: float | timedelta
    timeout: float | timedelta | None
    cache: bool
    engine_options: Mapping[str, Any]
    image: str | None


def settings_of(
    what: str, function: Callable[..., Any], **options: Unpack[RunOptions]
) -> tuple[Settings, bool]:
    """The settings that options mean, and whether requirements are left to be inferred.

    Args:
        what: What the options were given to, for messages: `@op predict`.
        function: Whose file a requirements file is looked for beside.
        **options: The options.

    Raises:
        GraphError: An option is unknown, or has a value that it can't have.
    """
    given: dict[str, Any] = dict(options)
    for name in given:
        if name not in _READERS:
            raise _unknown(what, name)
    infer = given.get("requirements") == INFER
    if infer:
        del given["requirements"]
    elif isinstance(given.get("requirements"), str):
        given["requirements"] = _requirements_file(what, given["requirements"], function)
    return Settings(**{name: _READERS[name](what, value) for name, value in given.items()}), infer


def _unknown(what: str, name: str) -> Exception:
    known = ["name", "description", *_READERS]
    close = alike(name, known, 0.6)
    hint = f"did you mean {close}=?" if close else f"there is: {', '.join(known)}"
    return refusal(f"{what} has no option {name!r}", hint=hint)


def _requirements(what: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, Mapping | bytes) or not isinstance(value, Sequence):
        raise refusal(
            f"{what}: requirements={value!r} is no list",
            hint='a list such as ["pandas>=3", "scikit-learn==1.5"], the path of a requirements '
            'file, or "infer"',
        )
    for item in value:
        if not _is_requirement(item):
            raise refusal(
                f"{what}: {item!r} is no requirement",
                hint='one package each, as pip writes it: "pandas>=3"; options of pip belong into '
                "its configuration",
            )
    return tuple(dict.fromkeys(item.strip() for item in value))


def _is_requirement(item: object) -> bool:
    if not isinstance(item, str) or not item.strip() or "\n" in item or item[:1] == "-":
        return False
    # A path or an address is left to the one who installs it.
    return "/" in item or _REQUIREMENT.fullmatch(item.strip()) is not None


def _requirements_file(what: str, path: str, function: Callable[..., Any]) -> list[str]:
    beside = _folder_of(function)
    tried = [folder / path for folder in (beside, Path.cwd()) if folder is not None]
    for file in dict.fromkeys(tried):
        if file.is_file():
            return _lines_of(what, file, ())
    listed = " nor ".join(str(file) for file in dict.fromkeys(tried))
    raise refusal(
        f"{what}: there is no requirements file {path!r}: neither {listed}"
        if len(set(tried)) > 1
        else f"{what}: there is no requirements file {listed}",
        hint="the path is relative to the function's file, or else to the working directory; a "
        'list of requirements works, too: ["pandas>=3"]',
    )


def _lines_of(what: str, file: Path, outer: tuple[Path, ...]) -> list[str]:
    """The requirements in a file and in those that it includes."""
    found: list[str] = []
    text = file.read_text(encoding="utf-8-sig").replace("\\\n", " ")
    for line in text.splitlines():
        line = " ".join(re.sub(r"(^|\s)#.*", "", line).split())
        include = re.fullmatch(r"(?:-r|--requirement)[\s=]*(\S.*)", line)
        if include is None:
            found += [line] if line else []
            continue
        inner = file.parent / include[1]
        if not inner.is_file() or inner in (*outer, file):
            raise refusal(
                f"{what}: {file} includes {include[1]!r}, which "
                + ("includes itself" if inner.is_file() else "is not there"),
                hint="the path is relative to the file that includes it",
            )
        found += _lines_of(what, inner, (*outer, file))
    return found


def _folder_of(function: Callable[..., Any]) -> Path | None:
    while isinstance(function, partial):
        function = function.func
    try:
        return Path(inspect.getfile(inspect.unwrap(function))).resolve().parent
    except (OSError, TypeError):
        return None  # a builtin, or typed at a prompt


def _python(what: str, value: Any) -> str | None:
    if value is None:
        return None
    match = _PYTHON.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise refusal(
            f"{what}: python={value!r} is no version", hint='a text such as python="3.12"'
        )
    if int(match[1]) < _OLDEST:
        raise refusal(
            f"{what}: python={value!r} is too old for aqueduct_core",
            hint=f'python="3.{_OLDEST}" is the oldest it runs on',
        )
    return str(value)


def _resources(what: str, value: Any) -> Mapping[str, JSON]:
    found = _mapping(what, "resources", value)
    for name in found:
        close = None if name in _RESOURCES else alike(name, _RESOURCES, _ALIKE)
        if close:
            raise refusal(
                f"{what}: there is no resource {name!r}",
                hint=f'did you mean resources={{"{close}": ...}}?',
            )
    for name in ("cpu", "gpu"):
        if name in found and not (_is_number(found[name]) and found[name] >= 0):
            raise refusal(
                f"{what}: resources[{name!r}] is {found[name]!r}",
                hint=f'a number: resources={{"{name}": 2}}',
            )
    if "memory" in found:
        found["memory"] = _bytes(what, found["memory"])
    return found


def _bytes(what: str, value: Any) -> int:
    if type(value) is int and value > 0:
        return int(value)
    match = _BYTES.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or float(match[1]) == 0:
        raise refusal(
            f"{what}: resources['memory'] is {value!r}",
            hint='a number of bytes, or a text with a unit: "512MB", "4GiB"',
        )
    number, unit, binary = match.groups()
    return round(float(number) * (1024.0 if binary else 1000.0) ** _POWERS[unit])


def _retries(what: str, value: Any) -> int:
    if type(value) is not int or value < 0:
        raise refusal(
            f"{what}: retries={value!r} is no number of attempts",
            hint="retries=3 tries up to three times more, 0 only once",
        )
    return int(value)


def _retry_delay(what: str, value: Any) -> float:
    seconds = _seconds(value)
    if seconds is None or seconds < 0:
        raise refusal(
            f"{what}: retry_delay={value!r} is no time to wait",
            hint="a number of seconds, or a timedelta: retry_delay=timedelta(minutes=1)",
        )
    return seconds


def _timeout(what: str, value: Any) -> float | None:
    if value is None:
        return None
    seconds = _seconds(value)
    if seconds is None or seconds <= 0:
        raise refusal(
            f"{what}: timeout={value!r} is no limit",
            hint="a number of seconds above 0, a timedelta, or None for no limit",
        )
    return seconds


def _seconds(value: Any) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return float(value) if _is_number(value) else None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _cache(what: str, value: Any) -> bool:
    if type(value) is not bool:
        raise refusal(f"{what}: cache={value!r} is no truth value", hint="cache=True or False")
    return value


def _engine_options(what: str, value: Any) -> Mapping[str, JSON]:
    return _mapping(what, "engine_options", value)


def _image(what: str, value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value.strip() and value == value.strip()):
        return value
    raise refusal(
        f"{what}: image={value!r} names no image",
        hint='the name of a container image: "python:3.12-slim"',
    )


def _mapping(what: str, option: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise refusal(
            f"{what}: {option}={value!r} is no dict", hint=f'{option}={{"name": value, ...}}'
        )
    plain = _json(what, option, value)
    assert isinstance(plain, dict)
    return plain


def _json(what: str, path: str, value: Any) -> JSON:
    """A copy of plain JSON: what is written down can't be changed later by whoever gave it."""
    if value is None or type(value) in (str, bool, int) or _is_number(value):
        return value  # type: ignore[no-any-return]  # narrowed by what type() returned
    if isinstance(value, list | tuple):
        return [_json(what, f"{path}[{index}]", item) for index, item in enumerate(value)]
    if isinstance(value, Mapping) and all(type(name) is str for name in value):
        return {name: _json(what, f"{path}[{name!r}]", item) for name, item in value.items()}
    raise refusal(
        f"{what}: {path} is {value!r}, which JSON has no form for",
        hint="texts, numbers, True, False, None, lists, and dicts with texts as keys",
    )


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "requirements": _requirements,
    "python": _python,
    "resources": _resources,
    "retries": _retries,
    "retry_delay": _retry_delay,
    "timeout": _timeout,
    "cache": _cache,
    "engine_options": _engine_options,
    "image": _image,
}

"""What is made of the figures: costs, fronts, comparisons, drawings."""

from __future__ import annotations

import builtins
import copy
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.bench import BASELINE, Options, Prices, compare, draw, front, run
from aqueduct_core.errors import MissingExtraError, ParameterError


def spread(seconds: float) -> dict[str, Any]:
    return {
        "median": seconds,
        "low": seconds * 0.95,
        "high": seconds * 1.05,
        "best": seconds * 0.9,
        "rounds": 7,
    }


def result(name: str, save: float, load: float, stored: int = 1_000_000) -> dict[str, Any]:
    return {
        "way": {"name": name, "store": "", "policy": None, "serializer": None, "codec": None},
        "save": spread(save),
        "load": spread(load),
        "stored": stored,
        "fidelity": "exact",
        "memory": {"save": 10_000_000, "load": 20_000_000},
    }


def report() -> dict[str, Any]:
    return {
        "format": 1,
        "options": {"quick": False, "prices": Prices().to_json()},
        "values": {
            "frame": {
                "size": 2_000_000,
                "class": "pandas.DataFrame",
                "results": [
                    result(BASELINE, 0.1, 0.1, 2_000_000),
                    result("fast", 0.2, 0.05, 1_900_000),
                    result("small", 0.8, 0.4, 500_000),
                    {"way": {"name": "odd"}, "refused": "TypeError: no"},
                ],
            }
        },
    }


def changed(change: Any) -> list[tuple[str, str]]:
    now = report()
    change(now["values"]["frame"]["results"][1])
    return [(item.way, item.what) for item in compare(now, report())]


def test_a_month_costs_waiting_moving_and_keeping() -> None:
    prices = Prices(storage=1.0, compute=3600.0, transfer=10.0, saves=2.0, loads=3.0, months=5.0)
    assert prices.month(1.0, 2.0, 10**9) == 2 * ((1 + 3 * 2) * 1.0 + 3 * 10.0 + 5 * 1.0)
    assert Prices(storage=0.0, compute=0.0).month(1.0, 1.0, 1) == 0


def test_the_front_is_what_nothing_beats_in_both() -> None:
    spots = [(1.0, 9.0), (2.0, 5.0), (3.0, 5.0), (2.5, 7.0), (4.0, 1.0), (1.0, 8.0)]
    assert front(spots) == [5, 1, 4]
    assert front([]) == []


def test_the_same_is_not_worse() -> None:
    assert compare(report(), report()) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda it: it.update(save=spread(0.5)), "save"),
        (lambda it: it.update(load=spread(0.09)), "load"),
        (lambda it: it.update(stored=2_000_000), "stored"),
        (lambda it: it.update(fidelity="at value: dtype"), "fidelity"),
        (lambda it: it["memory"].update(save=40_000_000), "memory of save"),
        (lambda it: it.update(refused="StorageError: no"), "refused"),
    ],
)
def test_what_is_worse_is_found(change: Any, what: str) -> None:
    assert changed(change) == [("fast", what)]


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.update(save=spread(0.22)),
        lambda it: it.update(save=spread(0.01), load=spread(0.01), stored=1),
        lambda it: it.update(
            save={**spread(0.5), "best": 0.21}
        ),  # one round was as quick as before
        lambda it: it.update(stored=1_900_100),
        lambda it: it["memory"].update(save=12_000_000),
    ],
)
def test_what_is_better_or_noise_is_not(change: Any) -> None:
    assert changed(change) == []


def test_times_are_relative_to_the_baseline_of_their_run() -> None:
    slow = report()
    for item in slow["values"]["frame"]["results"][:3]:
        item["save"], item["load"] = (
            spread(item["save"]["median"] * 4),
            spread(item["load"]["median"] * 4),
        )
    assert compare(slow, report()) == []
    quick_now = report()
    quick_now["values"]["frame"]["results"][0] = result(BASELINE, 0.025, 0.025)
    worse = {(item.way, item.what) for item in compare(quick_now, report())}
    assert worse == {(way, verb) for way in ("fast", "small") for verb in ("save", "load")}


def test_without_a_baseline_times_are_taken_as_they_are() -> None:
    now, before = report(), report()
    for document in (now, before):
        del document["values"]["frame"]["results"][0]
    now["values"]["frame"]["results"][0]["save"] = spread(0.5)
    assert [item.what for item in compare(now, before)] == ["save"]


def test_reports_that_do_not_fit_are_refused() -> None:
    other = report()
    other["values"] = {"array": other["values"]["frame"]}
    with pytest.raises(ParameterError, match="nothing in common"):
        compare(report(), other)
    quick = copy.deepcopy(report())
    quick["options"]["quick"] = True
    with pytest.raises(ParameterError, match="quick"):
        compare(report(), quick)
    for broken in ({}, {"options": None}, {"options": {"quick": False}, "values": []}):
        with pytest.raises(ParameterError, match=r"can't be read|nothing in common"):
            compare(report(), broken)


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_a_report_can_be_drawn(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"figure.{ending}"
    document = report()
    document["values"]["text & <more>"] = copy.deepcopy(document["values"]["frame"])
    document["values"]["third"] = copy.deepcopy(document["values"]["frame"])
    draw(document, path)
    assert path.stat().st_size > 5_000
    if ending == "svg":
        assert "</svg>" in path.read_text()


def test_a_figure_needs_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name=name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="matplotlib") as caught:
        draw(report(), tmp_path / "figure.png")
    assert "aqueduct-core[bench]" in str(caught.value)


def test_a_run_measures_in_processes_of_its_own() -> None:
    told: list[str] = []
    options = Options(policies=["fast"], rounds=1, patience=0.01)
    found = run(["tiny dict"], options, told.append)
    value = found["values"]["tiny dict"]
    assert [item["way"]["name"] for item in value["results"]] == [BASELINE, "fast"]
    for item in value["results"]:
        assert item["fidelity"] == "exact"
        assert item["cost"] > 0
        assert item["memory"]["save"] >= 0
    assert found["machine"]["libraries"]["aqueduct-core"]
    assert told == [
        "tiny dict: 2 ways",
        *(f"tiny dict: memory of {name}" for name in (BASELINE, "fast")),
    ]


def test_a_value_that_can_not_be_made_elsewhere_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text(
        "import sys\n\ndef make():\n    return [1][0 if '--here' in sys.argv else 1]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["pytest", "--here"])
    with pytest.raises(ParameterError, match=r"can.t be measured: .*IndexError"):
        run(["only_here:make"], Options(policies=["fast"], memory=False))

"""What the options of decorators mean, and which values they can't have."""

from __future__ import annotations

import functools
import math
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aqueduct_core as aq
from aqueduct_core.dag._settings import settings_of
from aqueduct_core.dag._spec import Settings
from aqueduct_core.errors import GraphError


def function() -> None:
    return None


def read(**options: object) -> Settings:
    return settings_of("@op f", function, **options)[0]


def test_nothing_given_is_the_default() -> None:
    assert settings_of("@op f", function) == (Settings(), False)
    assert read(
        requirements=None, python=None, resources={}, retries=0, retry_delay=0, timeout=None,
        cache=False, engine_options={}, image=None,
    ) == Settings()  # fmt: skip


def test_all_of_them_at_once() -> None:
    made = read(
        requirements=["pandas>=3", " numpy ", "pandas>=3"],
        python="3.12",
        resources={"cpu": 2, "memory": "4GiB", "gpu": 0.5, "queue": "long"},
        retries=3,
        retry_delay=timedelta(minutes=1),
        timeout=90,
        cache=True,
        engine_options={"pool": {"slots": (1, 2)}},
        image="python:3.12-slim",
    )
    assert made == Settings(
        requirements=("pandas>=3", "numpy"),
        python="3.12",
        resources={"cpu": 2, "memory": 4 * 1024**3, "gpu": 0.5, "queue": "long"},
        retries=3,
        retry_delay=60.0,
        timeout=90.0,
        cache=True,
        engine_options={"pool": {"slots": [1, 2]}},
        image="python:3.12-slim",
    )
    assert Settings.from_json(made.to_json()) == made


def test_what_was_given_can_be_changed_without_changing_settings() -> None:
    given_options = {"labels": ["a"]}
    made = read(engine_options=given_options)
    given_options["labels"].append("b")
    assert made.engine_options == {"labels": ["a"]}


@pytest.mark.parametrize(
    ("memory", "size"),
    [
        (1, 1),
        ("512", 512),
        ("1B", 1),
        ("2kB", 2_000),
        ("2KB", 2_000),
        ("512MB", 512_000_000),
        ("4GB", 4_000_000_000),
        ("4 GB", 4_000_000_000),
        ("4G", 4_000_000_000),
        ("4Gi", 4 * 1024**3),
        ("1.5GiB", 3 * 1024**3 // 2),
        ("1TiB", 1024**4),
    ],
)
def test_memory_in_bytes_and_in_units(memory, size: int) -> None:
    found = read(resources={"memory": memory}).resources["memory"]
    assert found == size
    assert type(found) is int


def test_requirements_and_resources_of_all_kinds() -> None:
    requirements = (
        "pandas>=3",
        "scikit-learn[all] ~= 1.5, != 1.5.1",
        "numpy; python_version < '3.13'",
        "mine @ file:///wheels/mine.whl",
        "git+https://example.org/mine.git@v1",
        "./packages/mine",
    )
    assert read(requirements=list(requirements)).requirements == requirements
    resources = {"cpu": 2, "nvidia.com/gpu": 1, "tpu": 4, "ephemeral-storage": "1Gi"}
    assert read(resources=resources).resources == resources


@given(st.integers(1, 10**6), st.sampled_from(["", "k", "M", "G", "T"]), st.booleans())
def test_any_whole_amount_of_memory_is_exact(amount: int, unit: str, binary: bool) -> None:
    base = 1024 if binary and unit else 1000
    text = f"{amount}{unit}{'i' if binary and unit else ''}B"
    power = ["", "k", "M", "G", "T"].index(unit)
    assert read(resources={"memory": text}).resources["memory"] == amount * base**power


@pytest.mark.parametrize(
    ("options", "reason", "way_out"),
    [
        ({"requirements": 3}, "requirements=3 is no list", "requirements file"),
        ({"requirements": {"a": 1}}, "is no list", "requirements file"),
        ({"requirements": b"x"}, "is no list", "requirements file"),
        ({"requirements": ["a", 3]}, "3 is no requirement", "pandas>=3"),
        ({"requirements": [""]}, "'' is no requirement", "pandas>=3"),
        ({"requirements": ["pan das"]}, "'pan das' is no requirement", "pandas>=3"),
        ({"resources": {"cpus": 2}}, "no resource 'cpus'", 'resources={"cpu": ...}'),
        ({"resources": {"Memory": 2}}, "no resource 'Memory'", 'resources={"memory": ...}'),
        ({"requirements": ["a\nb"]}, "is no requirement", "pandas>=3"),
        ({"requirements": ["-r base.txt"]}, "'-r base.txt' is no requirement", "configuration"),
        ({"requirements": "none.txt"}, "no requirements file 'none.txt'", "function's file"),
        ({"python": 3.12}, "python=3.12 is no version", 'python="3.12"'),
        ({"python": "2.7"}, "python='2.7' is no version", 'python="3.12"'),
        ({"python": "3"}, "is no version", 'python="3.12"'),
        ({"python": "3.9"}, "too old", "3.11"),
        ({"resources": 4}, "resources=4 is no dict", '{"name": value'),
        ({"resources": {"cpu": "2"}}, "resources['cpu'] is '2'", '{"cpu": 2}'),
        ({"resources": {"cpu": True}}, "resources['cpu'] is True", '{"cpu": 2}'),
        ({"resources": {"gpu": -1}}, "resources['gpu'] is -1", '{"gpu": 2}'),
        ({"resources": {"gpu": None}}, "resources['gpu'] is None", '{"gpu": 2}'),
        ({"resources": {"memory": "much"}}, "resources['memory'] is 'much'", '"4GiB"'),
        ({"resources": {"memory": "4 gigs"}}, "resources['memory']", '"4GiB"'),
        ({"resources": {"memory": 0}}, "resources['memory'] is 0", '"4GiB"'),
        ({"resources": {"memory": "0GB"}}, "resources['memory'] is '0GB'", '"4GiB"'),
        ({"resources": {"memory": 1.5}}, "resources['memory'] is 1.5", '"4GiB"'),
        ({"resources": {"disk": object}}, "resources['disk'] is <class 'object'>", "texts"),
        ({"engine_options": {1: 2}}, "engine_options is {1: 2}", "texts as keys"),
        ({"engine_options": {"a": [math.nan]}}, "engine_options['a'][0] is nan", "JSON"),
        ({"engine_options": [1]}, "engine_options=[1] is no dict", '{"name": value'),
        ({"retries": -1}, "retries=-1", "0 only once"),
        ({"retries": True}, "retries=True", "0 only once"),
        ({"retries": 1.0}, "retries=1.0", "0 only once"),
        ({"retry_delay": -1}, "retry_delay=-1 is no time", "timedelta"),
        ({"retry_delay": "1m"}, "retry_delay='1m' is no time", "timedelta"),
        ({"retry_delay": math.inf}, "retry_delay=inf is no time", "timedelta"),
        ({"timeout": 0}, "timeout=0 is no limit", "None for no limit"),
        ({"timeout": timedelta(seconds=-1)}, "is no limit", "None for no limit"),
        ({"timeout": math.nan}, "timeout=nan is no limit", "None for no limit"),
        ({"cache": 1}, "cache=1 is no truth value", "cache=True"),
        ({"image": ""}, "image='' names no image", "container image"),
        ({"image": 3}, "image=3 names no image", "container image"),
        ({"memory": 3}, "no option 'memory'", "there is: name, description, requirements"),
        ({"retrys": 3}, "no option 'retrys'", "did you mean retries=?"),
    ],
)
def test_values_that_make_no_sense(options, reason: str, way_out: str) -> None:
    with pytest.raises(GraphError) as caught:
        aq.op(name="f", **options)(function)
    message, hint = str(caught.value).split("\nHint: ", 1)
    assert message.startswith("@op f")
    assert reason in message
    assert "dag/test_settings.py:" in message
    assert way_out in message + hint


class TestRequirementsFile:
    def test_it_is_looked_for_in_the_working_directory(self, tmp_path, monkeypatch) -> None:
        (tmp_path / "needs.txt").write_text("pandas>=3\n")
        monkeypatch.chdir(tmp_path)
        assert read(requirements="needs.txt").requirements == ("pandas>=3",)
        assert read(requirements=str(tmp_path / "needs.txt")).requirements == ("pandas>=3",)

    def test_the_one_beside_the_function_comes_first(self, tmp_path, monkeypatch) -> None:
        (tmp_path / "needs.txt").write_text("wrong\n")
        (tmp_path / "project").mkdir()
        (tmp_path / "project" / "needs.txt").write_text("right\n")
        source = tmp_path / "project" / "steps.py"
        source.write_text("def step(x):\n    return x\n")
        space: dict = {}
        exec(compile(source.read_text(), str(source), "exec"), space)
        monkeypatch.chdir(tmp_path)
        for function in (space["step"], functools.partial(space["step"], 1)):
            found, infer = settings_of("@op step", function, requirements="needs.txt")
            assert found.requirements == ("right",)
            assert not infer

    def test_functions_without_a_file_have_the_working_directory(self, tmp_path, monkeypatch):
        (tmp_path / "needs.txt").write_text("a\n")
        monkeypatch.chdir(tmp_path)
        assert settings_of("@op len", len, requirements="needs.txt")[0].requirements == ("a",)

    def test_comments_blank_lines_continued_lines_and_includes(self, tmp_path) -> None:
        (tmp_path / "base.txt").write_text("numpy\n", encoding="utf-8-sig")
        (tmp_path / "needs.txt").write_text(
            "# what it needs\n\npandas>=3  # tables\n-r base.txt\n--requirement=base.txt\n"
            "acme @ https://example.com/acme.zip#sha256=0\npolars \\\n    >=2\n"
        )
        assert read(requirements=str(tmp_path / "needs.txt")).requirements == (
            "pandas>=3",
            "numpy",
            "acme @ https://example.com/acme.zip#sha256=0",
            "polars >=2",
        )

    def test_options_of_pip_have_no_place_in_it(self, tmp_path) -> None:
        (tmp_path / "needs.txt").write_text("--index-url https://x\npandas\n")
        with pytest.raises(GraphError, match="'--index-url https://x' is no requirement"):
            read(requirements=str(tmp_path / "needs.txt"))

    @pytest.mark.parametrize("name", ["needs.txt", "gone.txt"])
    def test_includes_that_can_not_be_followed(self, tmp_path, name: str) -> None:
        (tmp_path / "needs.txt").write_text(f"-r {name}\n")
        with pytest.raises(GraphError, match=r"needs\.txt includes '.*', which i"):
            read(requirements=str(tmp_path / "needs.txt"))

    def test_the_message_names_all_places(self, tmp_path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(GraphError) as caught:
            read(requirements="gone.txt")
        assert str(tmp_path / "gone.txt") in str(caught.value)
        assert str(Path(__file__).parent) in str(caught.value)

"""The command line as a whole: exit codes, errors, and that it starts at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from aqueduct_core.cli import main
from aqueduct_core.cli._parser import parser
from aqueduct_core.cli._print import as_ago, print_diff, table

HEAVY = {"sqlalchemy", "pandas", "pyarrow", "numpy", "rich", "cloudpickle", "alembic", "fsspec"}


@pytest.mark.parametrize("arguments", ["--version", "--help", "run --help", "flow nonsense"])
def test_help_imports_nothing(arguments: str) -> None:
    code = f"""
import sys
from aqueduct_core.cli import main
try:
    main({arguments.split()!r})
except SystemExit as ended:
    assert ended.code in (0, 2)
loaded = {{name.partition(".")[0] for name in sys.modules}}
assert not loaded & {HEAVY!r}, loaded & {HEAVY!r}
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_command_has_its_function() -> None:
    from importlib import import_module

    def commands(found: object) -> list[str]:
        from argparse import ArgumentParser, _SubParsersAction

        assert isinstance(found, ArgumentParser)
        below = [item for item in found._actions if isinstance(item, _SubParsersAction)]
        if not below:
            return [str(found.get_default("command"))]
        return [name for group in below for one in group.choices.values() for name in commands(one)]

    found = commands(parser())
    assert len(found) > 25
    for place in found:
        module, _, name = place.partition(":")
        assert callable(getattr(import_module(f"aqueduct_core.cli.{module}"), name))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("sync --interval x", "--interval: a number of seconds from 0.1"),
        ("sync --interval 0", "--interval: a number of seconds from 0.1"),
        ("server --port x", "--port: a number from 0 to 65535"),
        ("demo --port 65536", "--port: a number from 0 to 65535"),
        ("env prune --unused-for nan", "--unused-for: a number from 0"),
        ("env prune --unused-for 1e300", "--unused-for: a number from 0"),
        ("artifacts gc --grace -1", "--grace: a number from 0"),
        ("artifacts gc --grace x", "--grace: a number from 0"),
        ("bench --saves inf", "--saves: a number from 0"),
        ("runs --limit 0", "--limit: a number from 1"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    arguments: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_errors_have_a_code_and_a_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = ["--home", str(tmp_path)]
    assert main(["artifacts", "show", "nope", *home]) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("aqueduct: no artifact 'nope'")
    assert "\nHint: " in told.err
    for wrong in (["nonsense"], ["runs", "-n", "0"], ["run", "logs", "x", "--stream", "y"]):
        with pytest.raises(SystemExit) as caught:
            main(wrong)
        assert caught.value.code == 2
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["runs", "-n", "many"])
    assert "argument -n/--limit: a number from 1" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0


def test_what_all_commands_take_may_stand_before_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    for before, after in [
        (["--json", "--home", str(tmp_path / "a")], []),
        (["--json"], ["--home", str(tmp_path / "b")]),
        (["--home", str(tmp_path / "file")], ["--json", "--home", str(tmp_path / "c")]),
    ]:
        assert main([*before, "flows", *after]) == 0
        assert json.loads(capsys.readouterr().out) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "file"]


def test_nothing_at_all_is_answered_with_what_there_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["aqueduct"])
    for arguments in ([], None):
        assert main(arguments) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert "run a workflow now" in told.err


def test_where_there_is_nothing_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = str(tmp_path)
    for command, told in [
        ("flows", f"no workflow is published in {home}"),
        ("flows --tag x", f"nothing is tagged x in {home}"),
        ("runs", f"nothing has run yet in {home}"),
        ("artifacts ls", f"no artifacts in file://{home}/artifacts"),
        ("artifacts ls a/", f"no artifacts under 'a/' in file://{home}/artifacts"),
        ("integrations ls", f"no data systems in {home}"),
        ("env ls", "no environments"),
        ("apikey ls", "no keys"),
    ]:
        assert main([*command.split(), "--home", home]) == 0
        assert capsys.readouterr().out.startswith(told)


def test_what_is_copied_from_a_narrow_terminal_is_in_one_piece(
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = "20261201T003450186579Z-9e16ce"
    row = (key, "a workflow with a name", "succeeded", "35 minutes ago", "13.2 s", "manual")
    for width in (60, 80):
        shown = table(["!run", "workflow", "!", "started", ">took", "by"], [row])
        Console(width=width).print(shown)
        told = capsys.readouterr().out
        assert key in told
        assert "succeeded" in told


def test_serializers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serializers", "--json"]) == 0
    found = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert {"json", "pickle", "parquet", "arrow"} <= set(found)
    assert all(item["state"].startswith(("ok", "not installed: pip")) for item in found.values())
    assert found["json"]["state"] == found["parquet"]["state"] == "ok"
    assert (found["pickle"]["safe"], found["parquet"]["safe"]) == (False, True)
    assert found["skops"]["extra"] == "skops"
    assert main(["serializers"]) == 0
    shown = capsys.readouterr().out
    assert "pandas: DataFrame" in shown
    assert "unsafe" in shown


def test_api_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def read(*arguments: str) -> object:
        assert main(["apikey", *arguments, "--home", str(tmp_path), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    made = read("create", "laptop")
    assert isinstance(made, dict)
    content = b"".join(path.read_bytes() for path in tmp_path.glob("aqueduct.db*"))
    assert made["key"].encode() not in content
    [listed] = read("ls")  # type: ignore[misc]
    assert (listed["name"], listed["revoked"]) == ("laptop", None)
    assert "key" not in listed
    read("revoke", "laptop")
    [listed] = read("ls")  # type: ignore[misc]
    assert listed["revoked"] is not None
    assert main(["apikey", "revoke", "nope", "--home", str(tmp_path)]) == 3
    assert main(["apikey", "ls", "--home", str(tmp_path)]) == 0
    assert "revoked" in capsys.readouterr().out


def test_environments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "environments" / "abc"
    made.mkdir(parents=True)
    stamp = {
        "format": 1,
        "python": "3.12.1",
        "requirements": ["numpy"],
        "made": "2024-01-01T00:00:00+00:00",
    }
    (made / "aqueduct.json").write_text(json.dumps(stamp))
    assert main(["env", "ls", "--home", str(tmp_path), "--json"]) == 0
    [listed] = json.loads(capsys.readouterr().out)
    assert (listed["key"], listed["requirements"]) == ("abc", ["numpy"])
    assert main(["env", "ls", "--home", str(tmp_path)]) == 0
    assert "numpy" in capsys.readouterr().out
    assert main(["env", "prune", "--home", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["env", "prune", "--unused-for", "0", "--home", str(tmp_path)]) == 0
    assert "1 environments removed" in capsys.readouterr().out
    assert not made.exists()


def test_moments_are_told_as_people_say_them() -> None:
    now = datetime.now(UTC)
    told = [as_ago(now - timedelta(seconds=seconds)) for seconds in (1, 60, 7_300, 200_000)]
    assert told == ["just now", "1 minute ago", "2 hours ago", "2 days ago"]


def test_a_diff_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = "--- a\n+++ b\n@@ -1 +1 @@\n-[bold]x\n+" + "y" * 300
    print_diff(text)
    assert capsys.readouterr().out == text + "\n"


@pytest.mark.parametrize(
    ("library", "code", "extra"),
    [
        ("sqlalchemy", "main(['scheduler'])", "workflows"),
        ("sqlalchemy", "main(['db', 'upgrade'])", "workflows"),
        ("sqlalchemy", "main(['flows'])", "workflows"),
        ("uvicorn", "main(['server'])", "server"),
        ("pyarrow", "main(['server'])", "server"),
        ("pyarrow", "aq.Client('aq_1', 'http://127.0.0.1:1')", "server"),
        ("httpx", "aq.Client('aq_1', 'http://127.0.0.1:1')", "server"),
    ],
)
def test_what_is_not_installed_is_told_with_the_extra_that_brings_it(
    tmp_path: Path, library: str, code: str, extra: str
) -> None:
    program = f"""
import sys
sys.modules[{library!r}] = None  # as if it weren't there
import aqueduct_core as aq
from aqueduct_core.cli import main
{code}
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "AQUEDUCT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"needs {library}, which is not installed" in done.stderr
    assert f'Hint: pip install "aqueduct-core[{extra}]"' in done.stderr


def test_names_with_letters_that_the_terminal_has_not_are_printed(tmp_path: Path) -> None:
    program = f"""
import sys
import aqueduct_core as aq
from aqueduct_core.cli import main

@aq.op
def one() -> int:
    return 1

aq.Client(home={str(tmp_path)!r}).publish_flow("Größe", [one()], run_now=False, quiet=True)
sys.exit(main(["flows", "--home", {str(tmp_path)!r}]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Gr\\xf6\\xdfe" in done.stdout

"""The tables: made, kept up to date, and left alone when they are of another release."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from aqueduct_core.errors import FormatVersionError, TrackingError
from aqueduct_core.tracking import Tracking, _schema, upgrade
from aqueduct_core.tracking._database import Database
from aqueduct_core.tracking._schema import MIGRATIONS, REVISIONS, VERSION_TABLE
from aqueduct_core.tracking._tables import metadata
from tests.tracking.toys import SECRET, a_version


@pytest.fixture
def database(empty: str) -> Any:
    database = Database(empty)
    yield database
    database.close()


def migrated(database: Database, revision: str = "head") -> None:
    """Make the tables by the migrations, as somebody who has had all releases."""
    with _schema._alone(database) as connection:
        _schema._run_migrations(connection, revision)


def set_revision(database: Database, revision: str) -> None:
    with database.writer.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{revision}'"))


def structure(database: Database) -> dict[str, Any]:
    """What the database says of its tables."""
    look = inspect(database.engine)
    return {
        name: (
            [
                (item["name"], str(item["type"]), item["nullable"])
                for item in look.get_columns(name)
            ],
            look.get_pk_constraint(name)["constrained_columns"],
            look.get_table_options(name).get("mysql_collate"),
            sorted((item["name"], item["column_names"]) for item in look.get_indexes(name)),
            sorted(
                (str(item["name"]), item["referred_table"], str(item["options"]))
                for item in look.get_foreign_keys(name)
            ),
        )
        for name in look.get_table_names()
    }


def test_migrations_and_tables_agree(database: Database) -> None:
    migrated(database)
    with database.read() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_new_databases_look_like_migrated_ones(
    database: Database, backend: str, servers: dict[str, Any], tmp_path: Path
) -> None:
    migrated(database)
    other = f"sqlite:///{tmp_path}/new.db"
    if backend in servers:
        other = servers[backend].create()
    with Tracking(other, secret=SECRET) as tracking:
        assert structure(tracking._database) == structure(database)
    if backend in servers:
        servers[backend].drop(other)


def test_migrations_are_those_that_are_known() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    known = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(known)) == REVISIONS


def test_a_migrated_database_works(database: Database, empty: str) -> None:
    migrated(database)
    with Tracking(empty, secret=SECRET) as tracking:
        assert tracking.publish(a_version())
        assert tracking.last_event() == 1


def test_opening_again_finds_what_is_there(empty: str) -> None:
    with Tracking(empty, secret=SECRET) as tracking:
        tracking.publish(a_version())
    with Tracking(empty, secret=SECRET) as tracking:
        assert len(tracking.flows()) == 1
        assert not upgrade(empty)


def test_upgrade_makes_the_tables(empty: str) -> None:
    assert upgrade(empty)
    assert not upgrade(empty)
    with Tracking(empty, secret=SECRET) as tracking:
        assert tracking.last_event() == 0


def test_tables_of_a_newer_release_are_left_alone(database: Database, empty: str) -> None:
    Tracking(empty, secret=SECRET).close()
    set_revision(database, "9999")
    for attempt in (lambda: Tracking(empty, secret=SECRET), lambda: upgrade(empty)):
        with pytest.raises(FormatVersionError, match="newer release: 9999") as caught:
            attempt()
        assert "install a newer aqueduct_core" in str(caught.value)


def test_tables_of_an_older_release_are_upgraded_or_refused(
    database: Database, empty: str, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Tracking(empty, secret=SECRET).close()
    # A release after this one: it knows one migration more.
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for path in (
        "env.py",
        "versions/0001_first.py",
        "versions/0002_tags.py",
        "versions/0003_resumed.py",
    ):
        (folder / path).write_text((MIGRATIONS / path).read_text())
    (folder / "versions/0004_colour.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n"
        "revision, down_revision = '0004', '0003'\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('flows', recreate='auto') as table:\n"
        "        table.add_column(sa.Column('colour', sa.String(8)))\n"
        "        table.alter_column('engine', new_column_name='runner',\n"
        "                           existing_type=sa.String(255), existing_nullable=False)\n"
    )
    with Tracking(empty, secret=SECRET) as tracking:
        version = a_version()
        tracking.publish(version)
        tracking.start_run("r", version.flow, version.digest)
    monkeypatch.setattr(_schema, "MIGRATIONS", folder)
    monkeypatch.setattr(_schema, "REVISIONS", ("0001", "0002", "0003", "0004"))
    if backend != "sqlite":
        with pytest.raises(TrackingError, match="older release") as caught:
            Tracking(empty, secret=SECRET)
        assert "aqueduct db upgrade" in str(caught.value)
        assert upgrade(empty)
    Tracking(empty, secret=SECRET).close()
    with database.read() as connection:
        assert connection.execute(text("SELECT runner, colour FROM flows")).all() == [
            ("local", None)
        ]
        assert connection.execute(text("SELECT id FROM runs")).all() == [("r",)]


def test_workflows_of_the_first_release_have_no_tags(database: Database, empty: str) -> None:
    migrated(database, "0001")
    version, when = a_version(), "2026-03-01 08:30:15"
    with database.writer.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO flows (id, name, description, engine, digest, paused, created, published) "
                "VALUES (:id, 'Churn', '', 'local', :digest, :no, :when, :when)"
            ),
            {"id": version.flow, "digest": version.digest, "no": False, "when": when},
        )
    assert upgrade(empty)
    with Tracking(empty, secret=SECRET) as tracking:
        assert tracking.flow(version.flow).tags == ()
        tracking.tag(version.flow, ["sales"])
        assert tracking.flow(version.flow).tags == ("sales",)


def test_a_creation_that_was_interrupted_is_done_again(database: Database, empty: str) -> None:
    metadata.tables["flows"].create(database.engine)
    with Tracking(empty, secret=SECRET) as tracking:
        assert tracking.publish(a_version())


_OPEN = """
import sys
from aqueduct_core.tracking import Tracking
sys.stdin.read(1)
Tracking(sys.argv[1], secret=b"x" * 32).flows()
"""


def test_many_may_open_a_new_database_at_once(empty: str) -> None:
    command = [sys.executable, "-c", _OPEN, empty]
    both = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, **both) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    for process in processes:
        with process:
            assert process.stderr is not None
            assert process.stderr.read() == b""
        assert process.returncode == 0


def test_opening_imports_no_alembic(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from aqueduct_core.tracking import Tracking\n"
        "for _ in range(2): Tracking(sys.argv[1], secret=b'x' * 32).close()\n"
        "print([name for name in ('alembic', 'cryptography', 'sqlalchemy.orm', 'mako', 'psycopg',\n"
        "    'pymysql', 'sqlalchemy.dialects.mysql', 'sqlalchemy.dialects.postgresql') if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", code, f"sqlite:///{tmp_path}/a.db"]
    assert subprocess.check_output(command, text=True).strip() == "[]"

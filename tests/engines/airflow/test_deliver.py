"""DAG files get where they belong, whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from aqueduct_core.engines.airflow._deliver import deliver, take_away
from aqueduct_core.errors import IntegrationError
from tests.servers import S3Server


def test_a_file_is_put_into_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    assert deliver(str(folder), "a.py", "one é")
    assert (folder / "a.py").read_text() == "one é"
    assert not deliver(f"file://{folder}", "a.py", "one é"), "Airflow needn't read it again"
    assert deliver(str(folder), "a.py", "two")
    assert [path.name for path in folder.iterdir()] == ["a.py"]
    take_away(str(folder), "a.py")
    take_away(str(folder), "a.py")
    assert [*folder.iterdir()] == []


def test_a_folder_of_another_machine_is_refused() -> None:
    for change in (lambda url: deliver(url, "a.py", ""), lambda url: take_away(url, "a.py")):
        with pytest.raises(IntegrationError, match="no URL of a folder"):
            change("file://airflow/dags")


def test_a_file_is_put_into_a_bucket(s3_server: S3Server) -> None:
    place, options = f"s3://{s3_server.bucket()}/dags", s3_server.storage_options()
    assert deliver(place, "a.py", "one", options)
    assert not deliver(place, "a.py", "one", options)
    assert deliver(place, "a.py", "two", options)
    take_away(place, "a.py", options)
    take_away(place, "a.py", options)


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_a_workflow_of_another_workspace_is_left_alone(
    tmp_path: Path, s3_server: S3Server, kind: str
) -> None:
    def file(store: str, version: int) -> str:
        return f'# A workflow\nVERSION = "{store}/flows/f/versions/{version}.json"\n'

    place, options = str(tmp_path), {}
    if kind == "bucket":
        place, options = f"s3://{s3_server.bucket()}/dags", s3_server.storage_options()
    assert deliver(place, "a.py", file("s3://ours", 1), options)
    assert deliver(place, "a.py", file("s3://ours", 2), options)
    with pytest.raises(IntegrationError, match="of the store s3://ours, this one is in file:"):
        deliver(place, "a.py", file("file:///home/ann/.aqueduct/artifacts", 2), options)
    take_away(place, "a.py", options)
    assert deliver(place, "a.py", file("s3://others", 1), options)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IntegrationError, match="file/dags"):
        deliver(str(tmp_path / "file" / "dags"), "a.py", "one")

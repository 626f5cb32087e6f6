"""Connecting integrations, and looking at them."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx
import pandas as pd
import pytest
from PIL import Image

import aqueduct_core as aq
from aqueduct_core.errors import ParameterError
from aqueduct_core.integrations.files import _browse
from aqueduct_core.server.pages import _files
from aqueduct_core.server.pages._fields import Field, all_kinds, config_from, fields_of, texts_of
from tests.engines.airflow.api_server import PASSWORD, USER, AirflowServer
from tests.engines.airflow.conftest import publish
from tests.server.conftest import Site, serving
from tests.server.pages.conftest import looking


@pytest.fixture
def shop(new_site: Callable[..., Site], tmp_path: Path) -> Site:
    """A site with a database that a workflow saves into."""
    site = new_site()
    warehouse = site.client.connect_integration("my shop", "sqlite", path=tmp_path / "shop.db")
    with warehouse.transaction() as transaction:
        table = pd.DataFrame({"id": [1, 2], "name": ["<b>bold</b>", None]})
        transaction.save(table, "orders & more", "replace")

    @aq.op
    def totals() -> pd.DataFrame:
        return pd.DataFrame({"total": [1.5]})

    made = totals()
    warehouse.save(made, table_name="totals", mode="replace")
    site.client.publish_flow("Totals", [made], quiet=True)
    return site


def csrf_of(person: httpx.Client) -> str:
    return person.get("/settings").text.partition('name="csrf" value="')[2].partition('"')[0]


def sent(person: httpx.Client, path: str, **fields: str) -> httpx.Response:
    data = {"csrf": csrf_of(person)} | {
        name.replace("__", "."): text for name, text in fields.items()
    }
    return person.post(path, data=data)


def test_the_list_says_where_it_is_and_who_uses_it(shop: Site) -> None:
    words = looking(shop)("/integrations").words
    assert "my shop" in words
    assert "SQLite" in words
    assert "shop.db" in words
    assert "Totals" in words


def test_nothing_connected_is_a_page_that_helps(empty_site: Site) -> None:
    page = looking(empty_site)("/integrations")
    assert "Nothing is connected yet" in page.words
    assert "/connect?kind=postgres" in page.links


def test_one_is_shown_without_its_secrets(shop: Site) -> None:
    shop.tracking.put_integration(
        "secret", "postgres", {"host": "db.example.com"}, {"password": "hunter2"}
    )
    page = looking(shop)("/integrations/secret")
    assert "db.example.com" in page.words
    assert "hunter2" not in page.words


def test_health_is_what_it_is(shop: Site) -> None:
    person = shop.signed_in("viewer")
    assert "it answers" in person.get("/integrations/my%20shop/reach").text
    shop.client.connect_integration("gone", "sqlite", path=shop.client.home + "/gone.db")
    shop.tracking.put_integration("gone", "sqlite", {"path": "/nowhere/at/all.db"})
    shop.client._session.integrations.pop("gone")
    text = person.get("/integrations/gone/reach").text
    assert "it can&#39;t be reached" in text or "it can't be reached" in text
    assert "/nowhere/at" in text


def test_channels_are_not_told_anything_by_a_look(shop: Site) -> None:
    shop.tracking.put_integration("team", "slack", {}, {"url": "http://127.0.0.1:9/none"})
    assert "told something" in shop.signed_in("admin").get("/integrations/team/reach").text


def test_tables_are_listed_and_looked_into(shop: Site) -> None:
    person = shop.signed_in("editor")
    text = person.get("/integrations/my%20shop/tables").text
    assert "totals" in text
    assert "orders &amp; more" in text
    shown = person.get("/integrations/my%20shop/tables", params={"table": "orders & more"}).text
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown
    assert "null" in shown
    assert "2 rows" in shown
    found = person.get("/integrations/my%20shop/tables", params={"q": "TOT"}).text
    assert "totals" in found
    assert "orders" not in found


def test_a_table_that_is_not_there_says_so(shop: Site) -> None:
    text = shop.signed_in("editor").get("/integrations/my%20shop/tables?table=nothing").text
    assert "nothing" in text
    assert "callout is-failed" in text


def test_viewers_do_not_look_into_databases(shop: Site) -> None:
    person = shop.signed_in("viewer")
    assert person.get("/integrations/my%20shop/tables").status_code == 403
    assert person.get("/connect?kind=sqlite").status_code == 403
    assert "those with the role editor" in looking(shop, "viewer")("/integrations/my%20shop").words


def test_one_is_connected_by_its_form(shop: Site, tmp_path: Path) -> None:
    person = shop.signed_in("admin")
    page = looking(shop)("/connect?kind=sqlite")
    assert ("post", "/connect", ["csrf", "kind", "name", "s.path"]) in page.forms
    path = str(tmp_path / "new.db")
    answer = sent(person, "/connect", kind="sqlite", name="new", s__path=path)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/integrations/new"
    assert shop.client.integration("new").config() == {"path": path}


def test_a_try_keeps_nothing(shop: Site, tmp_path: Path) -> None:
    person = shop.signed_in("admin")
    path = str(tmp_path / "new.db")
    answer = sent(person, "/connect", kind="sqlite", name="new", s__path=path, **{"try": "yes"})
    assert "It answers. Nothing was kept yet." in answer.text
    assert [item.name for item in shop.tracking.integrations()] == ["my shop"]


def test_what_went_wrong_stands_in_the_form_and_what_was_typed_stays(shop: Site) -> None:
    person = shop.signed_in("admin")
    answer = sent(person, "/connect", kind="sqlite", name="new", s__path="/nowhere/at/all.db")
    assert answer.status_code == 422
    assert 'value="/nowhere/at/all.db"' in answer.text
    assert "callout is-failed" in answer.text


def test_a_name_that_is_taken_is_not_taken_over(shop: Site, tmp_path: Path) -> None:
    person = shop.signed_in("admin")
    answer = sent(person, "/connect", kind="sqlite", name="my shop", s__path=str(tmp_path / "x.db"))
    assert answer.status_code == 422
    assert "already" in answer.text


def test_how_it_is_connected_is_changed(shop: Site, tmp_path: Path) -> None:
    person = shop.signed_in("admin")
    assert "shop.db" in person.get("/connect?kind=sqlite&name=my%20shop").text
    path = str(tmp_path / "moved.db")
    answer = sent(person, "/connect", kind="sqlite", name="my shop", known="yes", s__path=path)
    assert answer.status_code == 303
    assert shop.client.integration("my shop").config() == {"path": path}


def test_what_is_used_is_not_forgotten(shop: Site) -> None:
    person = shop.signed_in("admin")
    answer = sent(person, "/integrations/my%20shop/forget")
    assert answer.status_code == 422
    assert "Totals" in answer.text
    shop.client.delete_flow("Totals")
    assert sent(person, "/integrations/my%20shop/forget").status_code == 303
    assert shop.tracking.integrations() == []


def test_a_test_is_made_by_a_button(shop: Site) -> None:
    person = shop.signed_in("editor")
    assert sent(person, "/integrations/my%20shop/test").status_code == 303


def test_a_cluster_that_does_not_answer_says_so(shop: Site) -> None:
    shop.tracking.put_integration("cluster", "airflow", {"url": "http://127.0.0.1:9"})
    text = shop.signed_in("viewer").get("/integrations/cluster/cluster").text
    assert "callout is-failed" in text
    assert "as they were last seen" in text


@pytest.mark.parametrize("kind", [item.name for item in all_kinds()])
def test_every_kind_has_a_form(site: Site, kind: str) -> None:
    page = looking(site)(f"/connect?kind={kind}")
    fields = next(form[2] for form in page.forms if form[1] == "/connect")
    assert {f"s.{item.name}" for item in fields_of(kind)} <= set(fields)


def test_what_is_typed_becomes_what_the_kind_takes() -> None:
    fields = [
        Field("port", "number"), Field("recipients", "list"), Field("headers", "json"),
        Field("is_safe", "switch"), Field("password", "secret"), Field("level", "choice", choices=("a", "b")),
    ]  # fmt: skip
    texts = {"port": "5432", "recipients": "a@b.c, d@e.f", "headers": '{"x": "y"}', "level": "b"}
    assert config_from(fields, texts, {"password": "kept"}) == {
        "port": 5432, "recipients": ["a@b.c", "d@e.f"], "headers": {"x": "y"}, "is_safe": False,
        "password": "kept", "level": "b",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (Field("port", "number"), "many"),
        (Field("headers", "json"), "{"),
        (Field("level", "choice", choices=("a",)), "b"),
        (Field("host", "text", is_required=True), " "),
    ],
)
def test_what_does_not_fit_is_refused(field: Field, text: str) -> None:
    with pytest.raises(ParameterError, match=field.name):
        config_from([field], {field.name: text}, {})


def test_a_user_and_a_password_are_a_pair() -> None:
    [auth] = [item for item in fields_of("airflow") if item.name == "auth"]
    assert config_from([auth], {"auth": "ada:se:cret"}, {}) == {"auth": ["ada", "se:cret"]}
    assert config_from([auth], {"auth": "eyJhbGciOi"}, {}) == {"auth": "eyJhbGciOi"}


def test_secrets_never_come_back_into_the_form() -> None:
    fields = fields_of("postgres")
    config = {"host": "h", "port": 5432, "password": "hunter2"}
    assert texts_of(fields, config) == {"host": "h", "port": "5432"}


def test_a_cluster_tells_which_dags_are_behind(tmp_path: Path) -> None:
    server = AirflowServer(dags=tmp_path / "dags")
    with (
        server.serving() as airflow,
        aq.Client(home=tmp_path / "home") as client,
        serving(client) as served,
    ):
        client.connect_integration(
            "air", "airflow", url=airflow.url, auth=(USER, PASSWORD), dags=str(airflow.dags)
        )
        publish(client)
        site = Site(client, served)
        person, path = site.signed_in("viewer"), "/integrations/air/cluster"
        [file] = (tmp_path / "dags").glob("*.py")
        older = file.read_text()
        text = person.get(path).text
        assert "1 of 1" in text
        assert "never" in text, "nobody has looked at its runs"
        list(client._session.clusters.look())
        assert "never" not in person.get(path).text
        publish(client, limit=50)
        assert "1 of 1" in person.get(path).text
        file.write_text(older)
        assert "an older version" in person.get(path).text
        file.unlink()
        assert "know it" in person.get(path).text
        site.close()


@pytest.fixture
def lake(new_site: Callable[..., Site], tmp_path: Path) -> Site:
    """A site with a folder of files."""
    site = new_site()
    folder = tmp_path / "lake"
    (folder / "sales/2026 & later").mkdir(parents=True)
    site.client.connect_integration("lake", "filesystem", path=folder)
    (folder / "sales/orders.csv").write_text("id,name\n1,<b>bold</b>\n2,\n")
    (folder / "sales/2026 & later/1.json").write_text('{"total": [1, 2]}')
    (folder / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    (folder / "trick.png").write_bytes(b"<svg onload=alert(1)>")
    pd.DataFrame({"id": [1, 2]}).to_parquet(folder / "part.parquet")
    return site


def test_folders_are_walked_through(lake: Site) -> None:
    look = looking(lake)
    root = look("/integrations/lake/files")
    assert "sales / dot.png" in root.words.replace("sales/", "sales /")
    assert "/integrations/lake?path=sales/" in root.links
    sales = look("/integrations/lake/files?path=sales/")
    assert "orders.csv" in sales.words
    assert "dot.png" not in sales.words
    inside = next(link for link in sales.links if "2026" in link)
    assert inside == "/integrations/lake?path=sales/2026%20%26%20later/"
    assert "files?path=sales%2F2026+%26+later%2F" in lake.signed_in("admin").get(inside).text
    assert "Nothing of this name" in look("/integrations/lake/files?path=sales/&q=none").words
    assert "This folder is empty" in look("/integrations/lake/files?path=none/").words


def test_files_are_looked_into(lake: Site) -> None:
    look = looking(lake)
    table = look("/integrations/lake/files?path=sales/orders.csv")
    assert "1 <b>bold</b> 2" in table.words
    assert "orders.csv csv, 25 bytes, 2 rows" in table.words
    assert "1 2" in look("/integrations/lake/files?path=part.parquet").words
    assert ", 2 rows" in look("/integrations/lake/files?path=part.parquet").words
    assert "total" in look("/integrations/lake/files?path=sales/2026%20%26%20later/1.json").words
    assert "leads out of the root" in look("/integrations/lake/files?path=../x").words


def test_files_are_downloaded_and_images_shown(lake: Site) -> None:
    person = lake.signed_in("editor")
    saved = person.get("/integrations/lake/file?path=sales/orders.csv")
    assert saved.text.startswith("id,name")
    assert saved.headers["content-disposition"].startswith("attachment")
    shown = person.get("/integrations/lake/file?path=dot.png&show=yes")
    assert shown.headers["content-type"] == "image/png"
    assert "content-disposition" not in shown.headers
    trick = person.get("/integrations/lake/file?path=trick.png&show=yes")
    assert trick.headers["content-type"] == "application/octet-stream"
    assert trick.headers["content-disposition"].startswith("attachment")
    assert person.get("/integrations/lake/file?path=none.csv").status_code == 422


def test_tiff_images_are_shown_as_others(lake: Site, tmp_path: Path) -> None:
    for name, image in (
        ("colors", Image.new("CMYK", (30, 20), (0, 255, 255, 0))),
        ("deep", Image.new("I;16", (30, 20), 7)),
        ("real", Image.new("F", (30, 20), 7.5)),
        ("big", Image.new("1", (6000, 10))),
    ):
        image.save(tmp_path / "lake" / f"{name}.tiff", compression="tiff_deflate")
        assert looking(lake)(f"/integrations/lake/files?path={name}.tiff").words
        shown = lake.signed_in("editor").get(f"/integrations/lake/file?path={name}.tiff&show=yes")
        assert shown.headers["content-type"] == "image/png"
        with Image.open(BytesIO(shown.content)) as png:
            assert png.size == ((4000, 7) if name == "big" else (30, 20))
            assert name != "colors" or png.getpixel((0, 0)) == (255, 0, 0)
    saved = lake.signed_in("editor").get("/integrations/lake/file?path=deep.tiff")
    assert saved.content == (tmp_path / "lake/deep.tiff").read_bytes()


def test_tiff_images_that_can_not_be_shown(
    lake: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image.new("L", (30, 20), 7)
    image.save(tmp_path / "lake/cut.tiff")
    data = (tmp_path / "lake/cut.tiff").read_bytes()
    (tmp_path / "lake/cut.tiff").write_bytes(data[:-300])
    person = lake.signed_in("editor")
    assert person.get("/integrations/lake/file?path=cut.tiff&show=yes").status_code == 422
    image.save(tmp_path / "lake/many.tiff")
    monkeypatch.setattr(_browse, "PIXELS", 599)
    monkeypatch.setattr(_files, "PIXELS", 599)
    page = looking(lake)("/integrations/lake/files?path=many.tiff")
    assert "too large to be shown" in page.words
    assert not any("show=yes" in link for link in page.links)
    assert person.get("/integrations/lake/file?path=many.tiff&show=yes").status_code == 422


def test_files_are_for_editors(lake: Site) -> None:
    person = lake.signed_in("viewer")
    for path in ("files", "file?path=dot.png"):
        assert person.get(f"/integrations/lake/{path}").status_code == 403
    assert "with the role editor" in person.get("/integrations/lake").text


def test_a_database_has_no_files(shop: Site) -> None:
    assert "has no files" in looking(shop)("/integrations/my%20shop/files").words


def test_kinds_are_listed_by_what_people_call_them() -> None:
    titles = [kind.title for kind in all_kinds() if kind.group == "data"]
    assert titles[:-1] == sorted(titles[:-1], key=str.lower)
    assert titles[-1] == "Another SQL database"

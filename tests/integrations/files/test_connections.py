"""Connecting: what is wrong is said, and secrets stay where they belong."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations import kinds, open_integration
from aqueduct_core.integrations._settings import from_environment
from tests.integrations.files.conftest import SECRET, gcs_config, s3_config
from tests.servers import AzureServer, FaultProxy, GcsServer, Rule, S3Server

DENIED = (
    b"<Error><Code>InvalidAccessKeyId</Code><Message>The AWS Access Key Id you provided does not "
    b"exist in our records.</Message></Error>"
)


def test_the_kinds_are_known() -> None:
    assert {"filesystem", "s3", "gcs", "azure"} <= set(kinds())


def test_a_folder_has_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path, reason in (("nowhere", "is not there"), ("file", "is no folder")):
        lake = open_integration("lake", "filesystem", {"path": str(tmp_path / path)})
        with pytest.raises(IntegrationError, match=rf"lake: .*{path} {reason}\n.*path="):
            lake.test()
    open_integration("lake", "filesystem", {"path": str(tmp_path)}).test()


def test_a_folder_is_kept_as_an_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_integration("lake", "filesystem", {"path": "."}).config() == {"path": str(tmp_path)}


def test_what_is_wrong_with_s3_is_said(s3_server: S3Server) -> None:
    def problem(**changes: Any) -> str:
        lake = open_integration("lake", "s3", s3_config(s3_server, **changes))
        with pytest.raises(IntegrationError) as caught:
            lake.test()
        assert SECRET not in str(caught.value)
        return str(caught.value)

    open_integration("lake", "s3", s3_config(s3_server)).test()
    assert "there is no bucket 'nobodys-bucket'" in problem(bucket="nobodys-bucket")
    assert "http://127.0.0.1:9 does not answer" in problem(endpoint_url="http://127.0.0.1:9")
    unknown = problem(endpoint_url="http://no-such-host.invalid")
    assert "no-such-host.invalid does not answer" in unknown
    assert "endpoint_url" in unknown
    with FaultProxy(s3_server.endpoint) as proxy:
        proxy.rules.append(Rule("status", times=-1, status=403, body=DENIED))
        refused = problem(endpoint_url=proxy.endpoint)
    assert "the credentials were refused" in refused
    assert "access_key_id and secret_access_key" in refused


def test_what_is_wrong_with_gcs_is_said(gcs_server: GcsServer) -> None:
    def problem(**changes: Any) -> str:
        lake = open_integration("lake", "gcs", gcs_config(gcs_server, **changes))
        with pytest.raises(IntegrationError) as caught:
            lake.test()
        return str(caught.value)

    open_integration("lake", "gcs", gcs_config(gcs_server)).test()
    assert "there is no bucket 'nobodys-bucket'" in problem(bucket="nobodys-bucket")
    assert "http://127.0.0.1:9 does not answer" in problem(endpoint_url="http://127.0.0.1:9")
    with FaultProxy(gcs_server.endpoint) as proxy:
        proxy.rules.append(Rule("status", times=-1, status=401, body=b"{}"))
        assert "the credentials were refused" in problem(endpoint_url=proxy.endpoint)
    key = {"type": "service_account", "private_key": SECRET, "client_email": "a", "token_uri": "b"}
    for given, reason in (
        (SECRET, "no JSON"),
        ('{"type": "user"}', "no key of a service account"),
        (json.dumps(key), "key of the service account can't be used"),
    ):
        with pytest.raises(IntegrationError, match=reason) as caught:
            open_integration(
                "lake", "gcs", gcs_config(gcs_server, credentials=given, anonymous=False)
            ).test()
        assert SECRET not in repr(caught.getrepr(style="long"))


def test_what_is_wrong_with_azure_is_said(azure_server: AzureServer) -> None:
    options = azure_server.storage_options()
    container = azure_server.bucket()
    open_integration("lake", "azure", {"container": container, **options}).test()
    with pytest.raises(IntegrationError, match="there is no container 'nobodys'"):
        open_integration("lake", "azure", {"container": "nobodys", **options}).test()
    wrong = options["connection_string"].replace(azure_server.key, "d3Jvbmc=")
    with pytest.raises(IntegrationError, match="the credentials were refused"):
        open_integration(
            "lake", "azure", {"container": container, "connection_string": wrong}
        ).test()


@pytest.mark.parametrize(
    ("kind", "config", "reason"),
    [
        ("s3", {"bucket": ""}, "can't be the name of a bucket"),
        ("s3", {"bucket": "a/b"}, r"can't be the name of a bucket\n.*prefix="),
        ("s3", {"bucket": "b", "prefix": "../x"}, "leads out"),
        ("s3", {"bucket": "b", "access_key_id": "x"}, "belong together"),
        ("s3", {"bucket": "b", "passwort": "x"}, "no setting 'passwort'"),
        ("s3", {}, "can't be the name of a bucket"),
        ("s3", {"url": "s3://key:planted@b/p"}, "credentials are settings"),
        ("s3", {"url": "s3://b/p?region=x"}, "more in it than a place"),
        ("s3", {"url": "s3://b/../x"}, "leads out"),
        ("azure", {"container": "c"}, "needs its account"),
        ("filesystem", {"path": ""}, "path is empty"),
    ],
)
def test_settings_that_do_not_fit_are_named(kind: str, config: dict[str, Any], reason: str) -> None:
    with pytest.raises(IntegrationError, match=reason):
        open_integration("lake", kind, config)


def test_credentials_may_come_from_the_environment(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = s3_config(s3_server, access_key_id=None, secret_access_key=None)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(IntegrationError, match=r"the credentials were refused.*Unable to locate"):
        open_integration("lake", "s3", config).test()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    open_integration("lake", "s3", config).test()


def test_secrets_are_not_shown(s3_server: S3Server) -> None:
    lake: Any = open_integration("lake", "s3", s3_config(s3_server))
    lake.files()
    shown = [repr(lake), str(lake), repr(lake._place), repr(lake._place._storage)]
    assert SECRET not in "".join(shown)
    plain = {key: value for key, value in lake.config().items() if key not in lake.secrets}
    assert SECRET not in repr(plain)
    assert "secret_access_key" in lake.config()


@pytest.mark.parametrize(
    ("url", "kind", "more", "config"),
    [
        ("s3://b/p/q", "s3", {}, {"bucket": "b", "prefix": "p/q"}),
        ("gs://b", "gcs", {}, {"bucket": "b"}),
        (
            "az://c/p%20q/",
            "azure",
            {"account_name": "a"},
            {"container": "c", "prefix": "p q", "account_name": "a"},
        ),
        ("file:///data/a%20b", "filesystem", {}, {"path": "/data/a b"}),
    ],
)
def test_a_url_says_the_place(
    url: str,
    kind: str,
    more: dict[str, Any],
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: Any = open_integration("lake", kind, {"url": url, **more})
    assert made.config() == config
    assert open_integration("lake", kind, made.config()).config() == config
    monkeypatch.setenv("AQUEDUCT_INTEGRATION_LAKE", url)
    assert from_environment("lake", kinds()) == {"kind": kind, "config": {"url": url}}

"""Object stores: Amazon S3, Google Cloud Storage, Azure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from aqueduct_core.errors import IntegrationError, MissingExtraError
from aqueduct_core.integrations.files._stores import BucketIntegration

__all__ = ["AzureIntegration", "GcsIntegration", "S3Integration"]


class S3Integration(BucketIntegration):
    """A bucket of Amazon S3, or of a store that speaks its protocol.

    Without keys they come from where AWS tools look for them: the environment, a profile, the
    machine's role.

    Args:
        name: What the user calls it.
        bucket: The bucket.
        prefix: The root in the bucket; by default all of it.
        url: Both of them in one: `s3://bucket/prefix`.
        access_key_id: The key's id.
        secret_access_key: The secret key.
        session_token: Of temporary credentials.
        profile: A profile of AWS's configuration.
        region: The region.
        endpoint_url: The server, if it isn't Amazon's: `http://minio:9000`.
        anonymous: For public buckets.
    """

    kind = "s3"
    scheme = "s3"
    secrets = frozenset({"secret_access_key", "session_token"})
    credentials = "access_key_id and secret_access_key"
    host = "endpoint_url and region"
    server = "endpoint_url"
    options: ClassVar[Mapping[str, str]] = {
        "access_key_id": "key", "secret_access_key": "secret", "session_token": "token",
        "profile": "profile", "endpoint_url": "endpoint_url", "anonymous": "anon",
    }  # fmt: skip

    def __init__(
        self,
        name: str,
        *,
        bucket: str = "",
        prefix: str = "",
        url: str | None = None,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
        session_token: str | None = None,
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        anonymous: bool = False,
    ) -> None:
        if (access_key_id is None) != (secret_access_key is None):
            raise IntegrationError(
                f"{name}: access_key_id and secret_access_key belong together",
                hint="give both, or none to use the credentials of the environment",
            )
        settings = {
            "access_key_id": access_key_id, "secret_access_key": secret_access_key,
            "session_token": session_token, "profile": profile, "region": region,
            "endpoint_url": endpoint_url, "anonymous": anonymous,
        }  # fmt: skip
        super().__init__(name, bucket, prefix, url, settings)

    def _options(self) -> dict[str, Any]:
        region = self._settings.get("region")
        more = {"client_kwargs": {"region_name": region}} if region else {}
        return super()._options() | more


class GcsIntegration(BucketIntegration):
    """A bucket of Google Cloud Storage.

    Without credentials they come from where Google's tools look for them.

    Args:
        name: What the user calls it.
        bucket: The bucket.
        prefix: The root in the bucket; by default all of it.
        url: Both of them in one: `gs://bucket/prefix`.
        credentials: The key of a service account: its JSON, or what that says as a dict.
        project: The project.
        endpoint_url: The server, if it isn't Google's.
        anonymous: For public buckets.
    """

    kind = "gcs"
    scheme = "gs"
    secrets = frozenset({"credentials"})
    credentials = "credentials"
    host = server = "endpoint_url"
    options: ClassVar[Mapping[str, str]] = {"project": "project", "endpoint_url": "endpoint_url"}

    def __init__(
        self,
        name: str,
        *,
        bucket: str = "",
        prefix: str = "",
        url: str | None = None,
        credentials: str | Mapping[str, Any] | None = None,
        project: str | None = None,
        endpoint_url: str | None = None,
        anonymous: bool = False,
    ) -> None:
        self._key = _service_account(name, credentials)
        settings = {
            "credentials": None if self._key is None else json.dumps(self._key),
            "project": project, "endpoint_url": endpoint_url, "anonymous": anonymous,
        }  # fmt: skip
        super().__init__(name, bucket, prefix, url, settings)

    def _options(self) -> dict[str, Any]:
        token = "anon" if "anonymous" in self._settings else _google(self.name, self._key)
        return super()._options() | ({} if token is None else {"token": token})


class AzureIntegration(BucketIntegration):
    """A container of Azure Blob Storage.

    Without a key or a token the credentials come from where Azure's tools look for them.

    Args:
        name: What the user calls it.
        container: The container.
        prefix: The root in the container; by default all of it.
        url: Both of them in one: `az://container/prefix`.
        account_name: The storage account.
        account_key: Its key.
        sas_token: A shared access signature.
        connection_string: All of these in one.
        anonymous: For public containers.
    """

    kind = "azure"
    what = "container"
    scheme = "az"
    secrets = frozenset({"account_key", "sas_token", "connection_string"})
    credentials = "account_key, sas_token or connection_string"
    host = server = "account_name"
    options: ClassVar[Mapping[str, str]] = {
        name: name for name in ("account_name", "account_key", "sas_token", "connection_string")
    }

    def __init__(
        self,
        name: str,
        *,
        container: str = "",
        prefix: str = "",
        url: str | None = None,
        account_name: str | None = None,
        account_key: str | None = None,
        sas_token: str | None = None,
        connection_string: str | None = None,
        anonymous: bool = False,
    ) -> None:
        if account_name is None and connection_string is None:
            raise IntegrationError(
                f"{name}: a container needs its account",
                hint="account_name=..., or connection_string=...",
            )
        settings = {
            "account_name": account_name, "account_key": account_key, "sas_token": sas_token,
            "connection_string": connection_string, "anonymous": anonymous,
        }  # fmt: skip
        super().__init__(name, container, prefix, url, settings)

    def _options(self) -> dict[str, Any]:
        made = super()._options()
        if "anonymous" in self._settings:
            return made | {"anon": True}
        has_key = self._settings.keys() & self.secrets
        return made if has_key else made | {"anon": False}  # as who this machine is


def _service_account(name: str, given: Any) -> dict[str, Any] | None:
    if given is None:
        return None
    hint = "give the content of the JSON file that Google makes for a key of a service account"
    try:
        found = json.loads(given) if isinstance(given, str) else dict(given)
    except ValueError:  # not raised from it: the text would show what was given
        raise IntegrationError(f"{name}: credentials are no JSON", hint=hint) from None
    if not isinstance(found, dict) or found.get("type") != "service_account":
        raise IntegrationError(f"{name}: credentials are no key of a service account", hint=hint)
    return found


def _google(name: str, key: Mapping[str, Any] | None) -> Any:
    if key is None:
        return None
    try:
        from google.auth.exceptions import GoogleAuthError
        from google.oauth2 import service_account
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "google", "gcs", f"{name}: credentials") from error

    scopes = ["https://www.googleapis.com/auth/devstorage.read_write"]
    try:
        made: Any = service_account.Credentials
        return made.from_service_account_info(key, scopes=scopes)
    except (GoogleAuthError, ValueError):
        raise IntegrationError(
            f"{name}: the key of the service account can't be used",
            hint="check credentials: give the whole JSON, with the private key's line breaks",
        ) from None

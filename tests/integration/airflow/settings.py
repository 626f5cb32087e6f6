"""How an Airflow of the tests is set up: addresses, and the environment of its processes."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from tests.integration.airflow.repository import BRANCH, FOLDER
from tests.ports import free_port

__all__ = ["SIGNING_KEY", "Address", "environment_of", "new_address", "programs_of"]

SIGNING_KEY = bytes(range(32))  # its connection `aqueduct` holds it

# What only the tests' own processes are to know.
_KEPT_BACK = ("AIRFLOW", "AQUEDUCT", "PYTEST", "PYTHON", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Address:
    """Where it is, and how to get in."""

    version: int
    url: str
    username: str
    password: str
    folder: str
    is_quick_to_judge: bool = False

    @property
    def dags(self) -> str:
        """Where it reads DAG files."""
        return f"{self.folder}/dags"

    @property
    def repository(self) -> str:
        """The git repository that it reads DAG files from, too; Airflow 2 doesn't."""
        return f"{self.folder}/dags.git"

    @property
    def modules(self) -> str:
        """Where its processes find what others would install there."""
        return f"{self.folder}/modules"

    @property
    def environments(self) -> str:
        """Where its workers keep environments of operators."""
        return f"{self.folder}/environments"

    @property
    def xcom(self) -> str:
        """Where its XCom backend keeps data."""
        return f"{self.folder}/xcom"

    @property
    def warehouse(self) -> str:
        """The SQLite database of its connection `warehouse`."""
        return f"{self.folder}/warehouse.db"

    def process(self, name: str) -> int:
        """The number of one of its processes, which changes when that is started again."""
        return int((Path(self.folder) / f"{name}.pid").read_text())

    def said(self, name: str) -> str:
        """The end of what one of its processes has logged."""
        return (Path(self.folder) / "out" / f"{name}.log").read_text(errors="replace")[-8000:]


def new_address(version: int, folder: Path) -> Address:
    """An address that nobody has."""
    url = f"http://127.0.0.1:{free_port()}"
    judges = folder.name.endswith("lone")
    return Address(version, url, "admin", secrets.token_hex(8), str(folder), judges)


def programs_of(version: int) -> dict[str, list[str]]:
    """The processes that it consists of, by name."""
    if version == 2:
        return {"webserver": ["webserver"], "scheduler": ["scheduler", "--skip-serve-logs"]}
    return {
        "api-server": ["api-server"],
        "scheduler": ["scheduler", "--skip-serve-logs"],
        "dag-processor": ["dag-processor"],
        "triggerer": ["triggerer", "--skip-serve-logs"],
    }


def environment_of(address: Address, database: str) -> dict[str, str]:
    """The variables of its processes.

    Args:
        address: Where it is to be.
        database: The URL of its database.
    """
    folder = address.folder
    own = _of_two(address) if address.version == 2 else _of_three(address)
    own |= _JUDGING if address.is_quick_to_judge else _PATIENT
    settings = _COMMON | own | {"DATABASE__SQL_ALCHEMY_CONN": database}
    settings["CORE__DAGS_FOLDER"] = address.dags
    settings["CORE__FERNET_KEY"] = base64.urlsafe_b64encode(os.urandom(32)).decode()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_KEPT_BACK)}
    # Where uv finds out about package indexes, now that HOME is another one.
    kept.setdefault("XDG_CONFIG_HOME", str(Path("~/.config").expanduser()))
    kept.setdefault("XDG_CACHE_HOME", str(Path("~/.cache").expanduser()))
    warehouse = json.dumps({"conn_type": "sqlite", "host": address.warehouse})
    key = json.dumps({"conn_type": "aqueduct", "password": SIGNING_KEY.hex()})
    return (
        kept
        | {f"AIRFLOW__{name}": value for name, value in settings.items()}
        | {
            "HOME": f"{folder}/home",
            "AIRFLOW_HOME": f"{folder}/home",
            "AIRFLOW_CONN_AQUEDUCT": key,
            "AIRFLOW_CONN_WAREHOUSE": warehouse,
            "CHURN_STORE": f"file://{folder}/churn",
            "AQUEDUCT_XCOM_STORE": address.xcom,
            "NO_PROXY": "127.0.0.1,localhost",
            "PYTHONPATH": address.modules,
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",  # Airflow's own
        }
    )


# Whoever says nothing for so many seconds is dead; too few of them for a machine that is busy.
_JUDGING = {
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
    "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
}

# A task that its API server doesn't answer for a while goes on.
_PATIENT = {"WORKERS__MAX_FAILED_HEARTBEATS": "30", "WORKERS__EXECUTION_API_TIMEOUT": "60"}

_LONG = "600"  # seconds that a machine with much else to do may need for what takes one or two

_COMMON = {
    "CORE__LOAD_EXAMPLES": "False",
    "CORE__EXECUTOR": "LocalExecutor",
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "CORE__DAGBAG_IMPORT_TIMEOUT": _LONG,
    "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
    "CORE__XCOM_BACKEND": "aqueduct_core.adapters.airflow.XComBackend",
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "LOGGING__COLORED_CONSOLE_LOG": "False",
}


def _of_three(address: Address) -> dict[str, str]:
    passwords = Path(address.folder) / "passwords.json"
    passwords.write_text(json.dumps({address.username: address.password}))
    return {
        "CORE__PARALLELISM": "8",
        "CORE__EXECUTION_API_SERVER_URL": f"{address.url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{address.username}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "CORE__ALLOWED_DESERIALIZATION_CLASSES": "airflow.* aqueduct_core.*",
        "API__HOST": "127.0.0.1",
        "API__PORT": address.url.rpartition(":")[2],
        "API__BASE_URL": address.url,
        "API__WORKERS": "1",
        "API__SECRET_KEY": secrets.token_hex(32),
        "API_AUTH__JWT_SECRET": secrets.token_hex(32),
        # The end of a task is noticed only so many seconds later.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": _LONG,
        "DAG_PROCESSOR__REFRESH_INTERVAL": "1",
        "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": f"{address.folder}/bundles",
        "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(_bundles(address)),
    }


def _bundles(address: Address) -> list[dict[str, object]]:
    """Where DAG files come from: a folder, and a repository."""
    git = {"repo_url": address.repository, "tracking_ref": BRANCH, "subdir": FOLDER}
    return [
        {
            "name": "dags-folder",
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {},
        },
        {
            "name": "repository",
            "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
            "kwargs": {**git, "refresh_interval": 2},
        },
    ]


def _of_two(address: Address) -> dict[str, str]:
    basic = "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth"
    return {
        "CORE__PARALLELISM": "4",
        "CORE__DAG_FILE_PROCESSOR_TIMEOUT": _LONG,
        "CORE__MIN_SERIALIZED_DAG_FETCH_INTERVAL": "0",
        "API__AUTH_BACKENDS": f"{basic},airflow.api.auth.backend.session",
        "WEBSERVER__WORKERS": "1",
        "WEBSERVER__WEB_SERVER_MASTER_TIMEOUT": _LONG,
        "WEBSERVER__WEB_SERVER_WORKER_TIMEOUT": _LONG,
        "WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
        "WEBSERVER__WEB_SERVER_PORT": address.url.rpartition(":")[2],
        "WEBSERVER__BASE_URL": address.url,
        "WEBSERVER__SECRET_KEY": secrets.token_hex(32),
        "SCHEDULER__DAG_DIR_LIST_INTERVAL": "1",
        "SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "5",
        "SCHEDULER__PARSING_PROCESSES": "1",
    }

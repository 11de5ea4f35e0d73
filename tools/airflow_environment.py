"""The environment of a stack's Airflow processes: every setting of Airflow that differs from its default."""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tools.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The only variables of the caller's environment that Airflow's processes receive.
INHERITED_VARIABLES = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TERM", "TZ")


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of Airflow's processes."""

    api: int
    worker_logs: int
    trigger_logs: int

    @classmethod
    def free(cls) -> Self:
        """Return ports that no process uses."""
        return cls(free_port(), free_port(), free_port())

    @property
    def url(self) -> str:
        """The URL of Airflow's UI and REST API."""
        return f"http://127.0.0.1:{self.api}"


def environment(
    folder: Path, ports: Ports, dags: Path, *, executor: str, database: str, passwords: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of Airflow's processes.

    Args:
        folder: the home folder of Airflow. The processes of the stack are identified by this path in their environment.
        ports: the ports of the processes.
        dags: the DAG folder.
        executor: the name of the executor.
        database: the URL of an empty PostgreSQL database.
        passwords: the password of each user, by name. The user `admin` has all rights; the other users can only read.
    """
    inherited = {key: os.environ[key] for key in INHERITED_VARIABLES if key in os.environ}
    users = ",".join(f"{user}:{'admin' if user == 'admin' else 'viewer'}" for user in passwords)
    return inherited | {
        "HOME": str(folder),
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": executor,
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{ports.url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": users,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(ports.api),
        "AIRFLOW__API__BASE_URL": ports.url,
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.replace("postgresql://", "postgresql+psycopg2://", 1),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(ports.worker_logs),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(ports.trigger_logs),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }

"""The processes that Airflow needs in addition with the Celery executor: Redis as the broker, and two workers."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from tools.processes import free_port, program
from tools.redis import executable

if TYPE_CHECKING:
    from pathlib import Path

WORKER_COUNT = 2
# The number of tasks that a worker runs concurrently.
WORKER_CONCURRENCY = 4


class Celery:
    """The commands and settings of the broker and the workers. The broker has a free port and a new password."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._password = secrets.token_urlsafe(16)

    def environment(self, database: str) -> dict[str, str]:
        """Return Airflow's settings for Celery.

        Args:
            database: the URL of an empty PostgreSQL database for the results of tasks.
        """
        return {
            "AIRFLOW__CELERY__BROKER_URL": f"redis://:{self._password}@127.0.0.1:{self._port}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": database.replace(
                "postgresql://", "db+postgresql+psycopg2://", 1
            ),
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(WORKER_CONCURRENCY),
        }

    def broker_command(self) -> list[str]:
        """Write the configuration of Redis, and return the command that starts Redis without storing data on disk.

        Raises:
            NoRedis: Redis is not installed.
        """
        config = self._folder / "redis.conf"
        config.write_text(
            f'bind 127.0.0.1\nport {self._port}\nrequirepass {self._password}\nsave ""\ndir {self._folder}\n'
        )
        config.chmod(0o600)
        return [executable(), str(config)]

    def worker_commands(self) -> dict[str, list[str]]:
        """Return the command that starts each worker, by the name of the worker.

        The workers do not serve their logs over HTTP, because all processes can read Airflow's folder of logs.
        """
        names = [f"worker-{number}" for number in range(1, WORKER_COUNT + 1)]
        return {
            name: [
                program("airflow"),
                "celery",
                "worker",
                "--skip-serve-logs",
                "--celery-hostname",
                f"{name}@%h",
            ]
            for name in names
        }

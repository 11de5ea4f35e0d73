"""Run Airflow 3 and the services that it needs on this machine, without containers (for `make airflow` and for the tests).

The stack consists of an S3 server, PostgreSQL (Airflow's database and the warehouse), a synthetic Wikimedia, and Airflow's
api-server, scheduler, dag-processor and triggerer. Each of these processes listens on a free port of the loopback interface. Each
stack has new passwords and keys. The program runs in `.venv-airflow`, and keeps all files in one temporary folder, which it removes
at the end.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from smart_orchestrator.errors import RunsError
from smart_orchestrator.runners.airflow_client import AirflowApi
from testing.pg_server import PostgresServer, postgres_server
from testing.s3_server import BUCKET, S3Process
from tools.airflow_celery import Celery
from tools.airflow_environment import Ports, environment
from tools.processes import Component, end, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wiki_trends.sample import SampleOptions, SampleServer

ROOT = Path(__file__).parents[1]
DAGS = ROOT / "dags"
PROCESS_NAMES = ("api-server", "dag-processor", "scheduler", "triggerer")
READY_TIMEOUT_SECONDS = 180.0
# The file that a shell reads to use the stack of `make airflow`: `. .venv-airflow/airflow.sh`. The file contains passwords.
ENVIRONMENT_FILE = ROOT / ".venv-airflow" / "airflow.sh"


class NotReady(RuntimeError):
    """A process or a DAG of the stack is not ready in time. The message contains the end of the log."""


@dataclass
class Stack:
    """The running processes, with their addresses and passwords.

    Attributes:
        folder: the folder with all files of the stack.
        url: the URL of Airflow's UI and REST API.
        passwords: the passwords of Airflow's users `admin` and `viewer`.
        environment: the environment of Airflow's processes.
        components: Airflow's processes, by name.
        s3: the S3 server.
        postgres: the PostgreSQL server.
        sample: the synthetic Wikimedia; None if it was not started.
        api: a client of Airflow's REST API, signed in as `admin`.
        say: a function that is called with a line for each step.
    """

    folder: Path
    url: str
    passwords: Mapping[str, str]
    environment: Mapping[str, str]
    components: dict[str, Component]
    s3: S3Process
    postgres: PostgresServer
    sample: SampleServer | None
    api: AirflowApi
    say: Callable[[str], None] = field(repr=False)

    @property
    def settings(self) -> dict[str, str]:
        """The environment variables with which `wiki-trends` outside Airflow uses this Airflow and the same lake."""
        prefixes = ("WIKI_TRENDS_", "AWS_")
        shared = {key: value for key, value in self.environment.items() if key.startswith(prefixes)}
        return shared | {
            "WIKI_TRENDS_RUNNER": "airflow",
            "WIKI_TRENDS_AIRFLOW_URL": self.url,
            "WIKI_TRENDS_AIRFLOW_USER": "admin",
            "WIKI_TRENDS_AIRFLOW_PASSWORD": self.passwords["admin"],
        }

    def airflow(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run the command `airflow` with these arguments in the environment of the stack."""
        return subprocess.run(
            [program("airflow"), *arguments],
            env=dict(self.environment),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *names: str) -> None:
        """Start Airflow's processes with these names, by default all, without waiting for them."""
        for name in names or self.components:
            self.components[name].start()

    def until_healthy(self, seconds: float = READY_TIMEOUT_SECONDS) -> None:
        """Wait until every process of Airflow reports that it is healthy.

        Raises:
            NotReady: a process has ended, or is not healthy in time.
        """
        deadline = time.monotonic() + seconds
        unhealthy = ["api-server"]
        while time.monotonic() < deadline:
            for component in self.components.values():
                if component.pid is None:
                    msg = f"{component.name} has ended:\n{component.tail()}"
                    raise NotReady(msg)
            health = self._health()
            if health is not None:
                unhealthy = [name for name, service in health.items() if service.get("status") != "healthy"]
                if not unhealthy:
                    return
            time.sleep(0.2)
        msg = (
            f"not healthy after {seconds:g} s: {', '.join(unhealthy)}\n{self.components['api-server'].tail()}"
        )
        raise NotReady(msg)

    def until_parsed(self, *dag_ids: str, seconds: float = READY_TIMEOUT_SECONDS) -> None:
        """Wait until Airflow has parsed these DAGs.

        Raises:
            NotReady: a file has import errors, or a DAG is not parsed in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            parsed_ids = {dag["dag_id"] for dag in self.api.pages("/dags", "dags")}
            if parsed_ids >= set(dag_ids):
                return
            errors = [
                f"{error['filename']}:\n{error['stack_trace']}"
                for error in self.api.pages("/importErrors", "import_errors")
            ]
            if errors:
                raise NotReady("\n".join(errors))
            time.sleep(0.3)
        msg = f"no such DAG after {seconds:g} s: {', '.join(sorted(set(dag_ids) - parsed_ids))}\n{self.components['dag-processor'].tail()}"
        raise NotReady(msg)

    def _health(self) -> dict[str, dict[str, str]] | None:
        import httpx2

        try:
            response = httpx2.get(f"{self.url}/api/v2/monitor/health", timeout=10, verify=False)
        except httpx2.HTTPError:
            return None
        return response.json() if response.status_code == 200 else None


@contextmanager
def airflow_stack(
    *,
    dags: Path = DAGS,
    sample: SampleOptions | None = None,
    executor: str = "LocalExecutor",
    extra: Mapping[str, str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Stack]:
    """Run a complete stack during the block, which begins when the stack is healthy.

    Args:
        dags: Airflow's DAG folder.
        sample: the options of the synthetic Wikimedia for the pipeline; None to start no synthetic Wikimedia.
        executor: the name of Airflow's executor.
        extra: additional environment variables of Airflow's processes.
        say: a function that is called with a line for each step.

    Raises:
        NotReady: a process did not start; the message contains the end of the log of the process.
    """
    with ExitStack() as exit_stack:
        folder = Path(exit_stack.enter_context(tempfile.TemporaryDirectory(prefix="wiki-trends-airflow-")))
        ports = Ports.free()
        passwords = {"admin": secrets.token_urlsafe(12), "viewer": secrets.token_urlsafe(12)}
        (folder / "s3").mkdir()
        s3 = S3Process(folder / "s3")
        exit_stack.callback(s3.kill)
        say("starting the S3 server")
        s3.start()
        say("starting PostgreSQL")
        postgres = exit_stack.enter_context(postgres_server(max_connections="300"))
        sample_server = _start_sample(sample, exit_stack)
        variables = environment(
            folder, ports, dags, executor=executor, database=postgres.new_database(), passwords=passwords
        )
        celery = Celery(folder) if executor == "CeleryExecutor" else None
        if celery is not None:
            variables |= celery.environment(postgres.new_database())
        variables |= _product_settings(folder, s3, postgres, sample_server)
        variables["AIRFLOW_CONN_WIKI_TRENDS_AIRFLOW_API"] = (
            f"http://admin:{passwords['admin']}@127.0.0.1:{ports.api}"
        )
        variables |= dict(extra or {})
        (folder / "passwords.json").write_text(json.dumps(passwords))
        stack = Stack(
            folder=folder,
            url=ports.url,
            passwords=passwords,
            environment=variables,
            components=_components(folder, variables, celery),
            s3=s3,
            postgres=postgres,
            sample=sample_server,
            api=AirflowApi(ports.url, user="admin", password=passwords["admin"]),
            say=say,
        )
        exit_stack.callback(lambda: end(list(stack.components.values()), str(folder)))
        say("creating Airflow's database")
        migration = stack.airflow("db", "migrate")
        if migration.returncode:
            raise NotReady(migration.stdout[-2000:] + migration.stderr[-2000:])
        say(f"starting Airflow: {', '.join(stack.components)}")
        stack.start()
        stack.until_healthy()
        stack.api.post("/pools", {"name": "wikimedia", "slots": 3, "description": "requests to Wikimedia"})
        yield stack


def _components(folder: Path, variables: Mapping[str, str], celery: Celery | None) -> dict[str, Component]:
    """Return Airflow's processes in their starting order. With Celery, the broker is first and the workers are last."""
    commands = {name: [program("airflow"), name] for name in PROCESS_NAMES}
    if celery is not None:
        commands = {"redis": celery.broker_command()} | commands | celery.worker_commands()
    return {
        name: Component(name, command, variables, folder / f"{name}.log")
        for name, command in commands.items()
    }


def _start_sample(options: SampleOptions | None, exit_stack: ExitStack) -> SampleServer | None:
    if options is None:
        return None
    from wiki_trends.sample import SampleServer

    return exit_stack.enter_context(SampleServer(options))


def _product_settings(
    folder: Path, s3: S3Process, postgres: PostgresServer, sample: SampleServer | None
) -> dict[str, str]:
    """Return the environment variables of wiki-trends for the lake, the warehouse, the state and the upstream."""
    settings = s3.server.environment | {
        "WIKI_TRENDS_LAKE": f"s3://{BUCKET}/{{layer}}",
        "WIKI_TRENDS_WAREHOUSE": postgres.new_database(),
        "WIKI_TRENDS_STATE": str(folder / "state"),
    }
    if sample is not None:
        settings |= {
            "WIKI_TRENDS_WIKIMEDIA_URL": sample.wikimedia_url,
            "WIKI_TRENDS_MEDIAWIKI_URL": sample.mediawiki_url,
            "WIKI_TRENDS_RATE_PER_MINUTE": "12000",
        }
    return settings


def main() -> NoReturn:
    """Run a stack until Ctrl-C."""
    from wiki_trends.sample import SampleOptions

    # Both signals raise `KeyboardInterrupt`, which ends the stack. A parent process may have set the signals to be ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started_at = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started_at:5.1f} s] {text}", flush=True)

    try:
        with airflow_stack(sample=SampleOptions(latency=0.05), say=say) as stack:
            stack.until_parsed(*(path.stem for path in sorted(DAGS.glob("wiki_*.py"))))
            with environment_file(stack):
                print("\n".join(_addresses(stack)), flush=True)
                signal.pause()
    except KeyboardInterrupt:
        say("stopped; all processes and files are removed")
    except (NotReady, RunsError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(3)
    sys.exit(0)


@contextmanager
def environment_file(stack: Stack, path: Path = ENVIRONMENT_FILE) -> Iterator[None]:
    """Write a file from which a shell reads the environment of the stack, and remove the file after the block."""
    variables = {key: value for key, value in stack.environment.items() if key.startswith("AIRFLOW")}
    variables |= stack.settings | {"AIRFLOW": stack.url}
    lines = [f"export {key}={shlex.quote(value)}" for key, value in sorted(variables.items())]
    lines.append(f'export PATH={shlex.quote(str(Path(program("airflow")).parent))}:"$PATH"')
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("".join(f"{line}\n" for line in lines))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _addresses(stack: Stack) -> list[str]:
    return [
        "",
        "Airflow is ready.",
        f"  UI and API   {stack.url}   user admin, password {stack.passwords['admin']}",
        f"               (read only: user viewer, password {stack.passwords['viewer']})",
        f"  S3           {stack.s3.server.endpoint}   bucket {BUCKET}",
        f"  warehouse    {stack.environment['WIKI_TRENDS_WAREHOUSE']}",
        f"  logs         {stack.folder}",
        "",
        "For airflow, wiki-trends and the documented scripts, enter this in another terminal:",
        f"  . {ENVIRONMENT_FILE}",
        "",
        "Ctrl-C stops all of it.",
    ]


if __name__ == "__main__":
    main()

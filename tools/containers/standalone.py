"""The image of `Dockerfile.wiki-trends`: build it and run its documented lines, against a synthetic Wikimedia.

Every container has a read-only root file system and does not run as root.
"""

from __future__ import annotations

import secrets
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from tools.containers.engine import CommandFailed, run
from tools.containers.images import ROOT
from tools.containers.nights import NightFailed, documented_lines
from tools.containers.project import HEALTHY_SECONDS, listeners

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.containers.engine import Engine

PAGE = "README.md"
IMAGE, NETWORK, SAMPLE_API = "wiki-trends", "wiki-trends-standalone", "wikimedia"
# The names of the container of `serve` and of the volume, and the published port, as the page has them.
DASHBOARD, VOLUME, FOLDER, PORT = "wiki-trends", "wiki-trends", "/srv/wiki-trends", 8600
USER = "10001"
READ_ONLY = ("--rm", "--read-only", "--tmpfs", "/tmp")  # noqa: S108 - a folder in the container
SAMPLE_SETTINGS = {
    "WIKI_TRENDS_WIKIMEDIA_URL": f"http://{SAMPLE_API}:8899/api/rest_v1",
    "WIKI_TRENDS_MEDIAWIKI_URL": f"http://{SAMPLE_API}:8899/{{project}}/w/api.php",
    "WIKI_TRENDS_RATE_PER_MINUTE": "12000",
}


class Standalone:
    """The containers of `wiki-trends` without Airflow, and the network and volume that they share."""

    def __init__(self, engine: Engine, say: Callable[[str], None]) -> None:
        self._engine = engine
        self._say = say
        self._token = secrets.token_hex(24)

    def check(self) -> None:
        """Run all steps, and remove the containers, the network and the volume.

        Raises:
            CommandFailed: a command failed, or the dashboard is not healthy in time.
            NightFailed: the output, the dashboard or the volume is not as it must be.
        """
        build, *runs, serve = documented_lines((ROOT / PAGE).read_text(encoding="utf-8"), "build|run")
        try:
            self._documented(build)
            self._demo()
            self._engine.client("network", "create", NETWORK)
            sample = ["--detach", "--read-only", "--network", NETWORK, "--name", SAMPLE_API]
            self._engine.client("run", *sample, IMAGE, "sample-api", "--host", "0.0.0.0")  # noqa: S104 - in a network of containers
            for line in runs:
                _expect(
                    self._documented(line), "backfill: 5 filled, 0 failed; runs started 5", "coverage 100.0 %"
                )
                _expect(self._documented(line), "plan: nothing to do, every day is kept", "coverage 100.0 %")
            self._check_owner()
            self._documented(serve)
            self._check_dashboard()
        finally:
            self._engine.client("rm", "--force", "--volumes", DASHBOARD, SAMPLE_API, check=False)
            self._engine.client("volume", "rm", VOLUME, check=False)
            self._engine.client("network", "rm", NETWORK, check=False)

    def _documented(self, line: str) -> str:
        """Run a line of the page, with the network and the settings of the test, and return its output."""
        started_at = time.monotonic()
        settings = "".join(f"--env '{name}={value}' " for name, value in SAMPLE_SETTINGS.items())
        command = line.replace("docker run ", f"docker run --network {NETWORK} {settings}", 1)
        command = command.replace("docker build ", "docker build --network host ", 1)
        command = command.replace("you@example.org", "tests@example.org")
        environment = self._engine.environment | {"WIKI_TRENDS_WEB_TOKEN": self._token}
        result = run(["sh", "-c", f"cd '{ROOT}' && {command}"], environment, seconds=1500)
        self._say(f"$ {line}   ({PAGE}; {time.monotonic() - started_at:.0f} s)")
        return result.stdout + result.stderr

    def _demo(self) -> None:
        """Run the demo with no capability and no network."""
        options = [*READ_ONLY, "--cap-drop", "ALL", "--network", "none"]
        result = self._engine.client("run", *options, IMAGE, "demo")
        _expect(
            result.stdout + result.stderr, "backfill: 2 filled, 0 failed", "coverage 100.0 %", "published:"
        )
        self._say("  demo: 2 of 5 days filled and published; read-only, no capability, no network")

    def _check_owner(self) -> None:
        """Check that the user of the image owns every file of the volume, as root sees it."""
        mount = ["--volume", f"{VOLUME}:{FOLDER}:ro", "--user", "0", "--entrypoint", "find"]
        result = self._engine.client("run", *READ_ONLY, *mount, IMAGE, FOLDER, "-printf", "%U:%G %y\n")
        lines = result.stdout.splitlines()
        files = lines.count(f"{USER}:{USER} f")
        if not files or {line.split()[0] for line in lines} != {f"{USER}:{USER}"}:
            msg = f"owners in the volume: {sorted(set(lines))}"
            raise NightFailed(msg)
        self._say(f"  volume: {files} files, all owned by {USER}:{USER}")

    def _check_dashboard(self) -> None:
        self._until_healthy()
        user = self._exec("id", "-u")
        root = self._engine.client("exec", "--user", "0", DASHBOARD, "touch", "/written", check=False)
        if user != USER or "Read-only file system" not in root.stderr:
            msg = f"serve runs as {user}; root writes to /: {root.returncode} {root.stderr}"
            raise NightFailed(msg)
        if listeners(PORT) != [f"127.0.0.1:{PORT}"]:
            msg = f"listening on port {PORT}: {listeners(PORT)}"
            raise NightFailed(msg)
        answers = (_get("/health"), _get("/overview.json"), _get("/overview.json", self._token))
        if [status for status, _ in answers] != [200, 401, 200] or '"coverage_pct": 100.0' not in answers[2][
            1
        ]:
            msg = f"/health, /overview.json without and with the token: {[(status, text[:300]) for status, text in answers]}"
            raise NightFailed(msg)
        self._engine.client("stop", "--time", "60", DASHBOARD)
        code = self._engine.client("inspect", "--format", "{{.State.ExitCode}}", DASHBOARD).stdout.strip()
        if code not in ("0", "143"):
            msg = f"serve did not end at SIGTERM: exit code {code}"
            raise NightFailed(msg)
        self._say(
            f"  serve: healthy as user {user}, root read-only, on 127.0.0.1:{PORT} only; /overview.json 401 without the token, "
            f"200 with it; ended at SIGTERM"
        )

    def _until_healthy(self) -> None:
        deadline = time.monotonic() + HEALTHY_SECONDS
        state = "starting"
        # On a busy machine, a container that starts slowly is unhealthy before it is healthy.
        while state != "healthy" and time.monotonic() < deadline:
            time.sleep(1)
            state = self._engine.client(
                "inspect", "--format", "{{.State.Health.Status}}", DASHBOARD
            ).stdout.strip()
        if state != "healthy":
            logs = self._engine.client("logs", DASHBOARD, check=False)
            msg = f"{DASHBOARD} is {state}:\n{(logs.stdout + logs.stderr)[-3000:]}"
            raise CommandFailed(msg)

    def _exec(self, *command: str) -> str:
        return self._engine.client("exec", DASHBOARD, *command).stdout.strip()


def _expect(output: str, *texts: str) -> None:
    """Check that the output contains each of the texts."""
    for text in texts:
        if text not in output:
            msg = f"no {text!r} in:\n{output[-3000:]}"
            raise NightFailed(msg)


def _get(path: str, token: str = "") -> tuple[int, str]:
    """Return the status and the body of a page of the dashboard."""
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()

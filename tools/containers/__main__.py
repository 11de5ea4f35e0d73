"""Run the containers of `compose.yaml` and of `Dockerfile.wiki-trends` in a real engine, and check what the documentation promises.

The program prints each step with the seconds since its start. It exits with 1 at the first step that fails, and with 2 if no engine
can run here. All containers, images and files are removed at the end; `--keep` keeps the images for the next run.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from tools.containers import images
from tools.containers.engine import CommandFailed, Engine, NoEngine, require
from tools.containers.nights import NightFailed, Nights, documented_lines
from tools.containers.project import Project, can_connect, listeners
from tools.containers.standalone import PORT, Standalone

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "containers"
PAGES = ("README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")))
RESTARTED = (
    "airflow-scheduler",
    "airflow-triggerer",
    "airflow-dag-processor",
    "s3",
    "postgres",
    "airflow-api-server",
)
CELERY_RESTARTED = ("redis", "wiki-trends_airflow-worker_1", "wiki-trends_airflow-worker_2")
TRIGGER = "airflow dags trigger wiki_smart_analytics_orchestrator"
STARTED_AT = time.monotonic()


def say(text: str) -> None:
    """Print a line with the seconds since the start of the program."""
    print(f"[{time.monotonic() - STARTED_AT:6.1f} s] {text}", flush=True)


def build_stand_ins(engine: Engine) -> None:
    """Build all pinned images from Debian and the registries, and say what each image really contains."""
    say("no image can be pulled here, so these images are STAND-INS under the pinned names:")
    images.bootstrap(engine)
    for repository, name in images.pinned_names().items():
        images.build_stand_in(engine, repository, name)
        say(f"  {name}: {images.TARGETS[repository][1]}")
    say("  `up --wait`: docker-compose 1.29 has no --wait; a loop over the health checks stands in for it")
    say(
        "real: the engine, compose.yaml, Dockerfile, Dockerfile.wiki-trends; added: tests/containers/override.yaml"
    )


def check_ports(project: Project) -> None:
    """Check that the published ports are on 127.0.0.1 only."""
    published = project.published()
    if {address for address, _ in published} != {"127.0.0.1"}:
        msg = f"published: {published}"
        raise NightFailed(msg)
    for _, port in published:
        if listeners(port) != [f"127.0.0.1:{port}"] or not can_connect("127.0.0.1", port):
            msg = f"listening on port {port}: {listeners(port)}"
            raise NightFailed(msg)
    say(f"listening on 127.0.0.1 only: ports {', '.join(str(port) for _, port in published)}")


def documented(project: Project, nights: Nights) -> None:
    """Run each documented line with `docker exec`, in the order of the pages, and wait for the runs that a line starts."""
    ran: set[str] = set()
    for page in PAGES:
        for line in documented_lines((ROOT / page).read_text(encoding="utf-8"), "exec"):
            if line in ran:
                continue
            ran.add(line)
            started_at = time.monotonic()
            result = project.exec(line)
            output = [text for text in result.stdout.splitlines() if text.strip()]
            say(f"$ {line}   ({page}; {time.monotonic() - started_at:.0f} s, {len(output)} lines)")
            for text in output[-3:]:
                say(f"    {text[:150]}")
            if TRIGGER in line:
                runs = list(nights.api.pages(f"/dags/{line.split()[-1]}/dagRuns", "dag_runs", order_by="-id"))
                nights.until_ended(runs[0]["dag_run_id"])
                say(f"    {runs[0]['dag_run_id']} has succeeded")
    if not any("psql" in line for line in ran):
        msg = "no page documents a line with psql"
        raise NightFailed(msg)


def restarts(nights: Nights, names: tuple[str, ...]) -> None:
    """Restart each container while a night with two removed days is in progress; a new night begins when one has ended."""
    pending = list(names)
    while pending:
        started_at = time.monotonic()
        done = nights.night(pending)
        say(
            f"a night with two holes, {', '.join(done)} restarted in the middle: {time.monotonic() - started_at:.0f} s"
        )
        if not done:
            msg = "the night ended before a container could be restarted"
            raise NightFailed(msg)
        pending = pending[len(done) :]


def volumes(project: Project, nights: Nights) -> None:
    """Check that `down` and `up` lose neither a day, nor a run, nor a table, and that the passwords stay."""
    runs = {day: len(items) for day, items in nights.runs().items()}
    count = (
        'docker exec postgres psql -U airflow -d airflow -tAc "select count(*) from wiki_trends_timeseries"'
    )
    rows = project.exec(count).stdout.strip()
    project.down()
    say("docker-compose down")
    seconds = project.up(celery=True)
    say(
        f"AIRFLOW_EXECUTOR=CeleryExecutor docker-compose --profile celery up: all healthy after {seconds:.0f} s"
    )
    say(f"  {project.states()}")
    after = {day: len(items) for day, items in nights.runs().items()}
    if (after, project.exec(count).stdout.strip(), nights.missing()) != (runs, rows, []):
        msg = f"after a new start: runs {after}, before {runs}; missing {nights.missing()}"
        raise NightFailed(msg)
    say(f"volumes kept: {sum(runs.values())} runs, {rows} rows of wiki_trends_timeseries, 5 of 5 days")


def run_all(engine: Engine) -> None:
    """Run all steps."""
    say(
        f"engine: {engine.client('version', '-f', 'Docker {{.Server.Version}}').stdout.strip()}, data in {engine.folder}"
    )
    build_stand_ins(engine)
    Standalone(engine, say).check()
    project = Project(engine)
    try:
        seconds = project.up()
        say(f"docker-compose up --build: all healthy after {seconds:.0f} s: {project.states()}")
        nights = Nights(project)
        check_ports(project)
        documented(project, nights)
        started_at = time.monotonic()
        nights.night()
        say(f"a night with two holes: both filled, once each, in {time.monotonic() - started_at:.0f} s")
        restarts(nights, RESTARTED)
        volumes(project, nights)
        check_ports(project)
        restarts(nights, CELERY_RESTARTED)
    finally:
        project.down(volumes=True)


def main() -> int:
    """Run all steps, and remove what they leave."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", action="store_true", help="keep the images for the next run")
    options = parser.parse_args()
    try:
        require()
        busy = [port for port in (5432, 8080, 8333, PORT) if can_connect("127.0.0.1", port)]
        if busy:
            msg = f"ports of compose.yaml or of the dashboard are in use on this machine: {', '.join(map(str, busy))}"
            raise NoEngine(msg)
        with Engine(FOLDER) as engine:
            run_all(engine)
    except NoEngine as error:
        print(f"make test-containers cannot run: {error}", file=sys.stderr)
        return 2
    except (CommandFailed, NightFailed) as error:
        say(f"FAILED: {error}")
        return 1
    finally:
        if not options.keep:
            shutil.rmtree(FOLDER, ignore_errors=True)
    say("all steps have passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

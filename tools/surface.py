"""What users know of the product, as one JSON file: commands, settings, JSON keys, tables, file names, public names.

`tests/surface` makes it anew and compares; `python -m tools.surface --write` writes it after a change that is intended.
Nothing in it depends on where a module lies: the code may be moved as long as the same product comes out of it.

What it takes from the code is named between here and "The record", and nowhere else.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import datetime as dt
import enum
import functools
import hashlib
import importlib
import inspect
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import types
from dataclasses import dataclass, field, fields
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import typer

from smart_orchestrator import Action, Code, Failure, RunState, State, write_frame
from wiki_trends.cli import exit_codes
from wiki_trends.cli.app import app, run_command
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import FILE_NAME, Settings, env_name, load
from wiki_trends.sample import SampleOptions, SampleServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from fastapi import FastAPI

ROOT = Path(__file__).resolve().parent.parent
# Folders whose files are in the wheels, and the files that are put beside them.
WHEEL = (
    "packages/smart-orchestrator/src/smart_orchestrator",
    "packages/wiki-trends/src/wiki_trends",
    "packages/wiki-trends/LICENSE",
)
DISTRIBUTIONS = ("smart-orchestrator", "wiki-trends")
DAG_FILES = "dags"
# What they call.
DAG_PACKAGE = "wiki_trends.airflow"
# What users import; `plugins.utils` is documented by its paths.
PUBLIC = ("smart_orchestrator", "wiki_trends")
PUBLIC_IN_AIRFLOW = ("smart_orchestrator.airflow", "wiki_trends.airflow")
DOCUMENTED = ("plugins.utils.date_checker", "plugins.utils.dag_trigger")
SCRIPTS = ("check_and_fetch_data.py", "run_analytics.py", "show_analytics_report.py")
VALUES: Mapping[str, type[enum.StrEnum]] = {
    "state of a day": State,
    "code of a day": Code,
    "state of a run": RunState,
    "failure of a run": Failure,
    "action of a plan": Action,
}
EXIT_CODES = {
    "done": exit_codes.DONE,
    "incomplete": exit_codes.INCOMPLETE,
    "wrong usage": exit_codes.USAGE,
    "a service is unreachable": exit_codes.UNREACHABLE,
    "interrupted": exit_codes.INTERRUPTED,
}


def dashboard(settings: Settings) -> FastAPI:
    """The dashboard; made here since its packages are an extra."""
    from wiki_trends.web import create_app
    from wiki_trends.web.auth.sign_in import TokenGuard

    return create_app(settings, guard=TokenGuard(TOKEN), today=lambda: AS_OF)


# --- The record -------------------------------------------------------------------------------------------------------

FILE = ROOT / "tests" / "surface" / "surface.json"
AIRFLOW_FILE = ROOT / "tests" / "surface" / "airflow.json"
PROGRAM = "wiki-trends"
TOKEN = "a-token-of-the-surface-0123456789"  # noqa: S105
AS_OF = dt.date(2025, 11, 12)
NEVER = dt.date(2025, 10, 30)
HERE = ("2025-11-01", "2025-11-02", "2025-11-03", "2025-11-07", "2025-11-08", "2025-11-09")
# Names that the data bring along, not the product: days, titles, categories, tables.
_DATA_KEY = re.compile(r"(?![a-z][a-z0-9_]*$)|wiki_.*")
_PLAIN = (str, int, float, bool, tuple, type(None))
_MADE = type("Made", (), {"__repr__": lambda _: "…"})()

Section = dict[str, Any]
Surface = dict[str, Section]


@dataclass
class Product:
    """The product in a folder of its own: runs commands, and remembers what they left."""

    folder: Path
    documents: dict[str, list[object]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, *words: str) -> Any:
        """Run a command for its document, which is one more example of those of this name.

        Raises:
            RuntimeError: it printed none.
        """
        code, printed, said = self.ran(*words)
        self._note(name if words[0] in ("explain", "page") else " ".join(words), code)
        try:
            document = json.loads(printed)
        except ValueError:
            message = f"{PROGRAM} {' '.join(words)}: exit code {code}, no document\n{printed}{said}"
            raise RuntimeError(message) from None
        self.documents.setdefault(name, []).append(document)
        return document

    def ends(self, *words: str, **environ: str) -> None:
        """Run a command for its exit code alone, with these settings."""
        given = {env_name(name): value for name, value in environ.items()}
        with mock.patch.dict(os.environ, given):
            settings = "".join(f"{name}={value} " for name, value in given.items())
            self._note(settings + " ".join(words), self.ran(*words)[0])

    def ran(self, *words: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a command."""
        with _captured() as printed:
            code = run_command(words)
        out, err = printed
        return code, out, err

    def _note(self, command: str, code: int) -> None:
        before = self.codes.get(command, "")
        self.codes[command] = f"{before}, {code}" if before and before != str(code) else str(code)


def recorded() -> Surface:
    """The whole surface but what needs Airflow."""
    # The command line is put together anew with each command: a third of the time, for nothing.
    once = mock.patch.object(typer.main, "get_command", functools.cache(typer.main.get_command))
    with _own_place() as folder, _sample() as address, once:
        os.environ.update(address)
        product = Product(folder)
        title = _use(product)
        calls = _documented_calls()
        tables = _tables(folder)
        _use_broken(product)
        return {
            "commands": _commands(),
            "dashboard": _dashboard(title),
            "distributions": _distributions(),
            "documented imports": _documented_names() | calls,
            "exports": _exports(product, tables),
            "exit codes": {**EXIT_CODES, **product.codes},
            "files in the wheel": _wheel_files(),
            "json of the commands": {name: shape(found) for name, found in product.documents.items()},
            "lake": _lake(folder),
            "public names": {name: _public_names(name) for name in PUBLIC},
            "scripts": _scripts(),
            "settings": _settings(),
            "tables": tables,
            "values": {name: sorted(kind) for name, kind in VALUES.items()},
        }


def recorded_with_airflow() -> Surface:
    """What is known in Airflow: DAGs, tasks, parameters, XComs. Needs Airflow's packages, not a running Airflow."""
    with _own_place() as folder:
        os.environ["AIRFLOW_HOME"] = str(folder / "airflow")
        paths = sorted((ROOT / DAG_FILES).glob("*.py"))
        with _captured():
            dags = [runpy.run_path(str(path))["dag"] for path in paths]
            surface: Surface = {
                "dags": {dag.dag_id: _dag(dag) for dag in dags},
                "names in the dag files": {path.name: _names_in(path) for path in paths},
                "plugins": _plugins(),
                "public names": {name: _public_names(name) for name in PUBLIC_IN_AIRFLOW},
                "xcoms": {"check_completeness": _xcoms_of_check(dags)},
            }
    return surface


# --- Using the product ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _own_place() -> Iterator[Path]:
    """An empty working directory, and no setting from outside."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("WIKI_TRENDS_", "AWS_", "AIRFLOW_"))
    }
    # Help is laid out for the width of a terminal.
    kept["COLUMNS"] = "100"
    with (
        tempfile.TemporaryDirectory(prefix="surface-") as folder,
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, kept, clear=True),
    ):
        yield Path(folder)


@contextlib.contextmanager
def _sample(latency: float = 0.0) -> Iterator[dict[str, str]]:
    """The settings that lead to a synthetic Wikimedia."""
    with SampleServer(SampleOptions(today=AS_OF, never=(NEVER,), latency=latency)) as server:
        yield {
            env_name("wikimedia_url"): server.wikimedia_url,
            env_name("mediawiki_url"): server.mediawiki_url,
            env_name("rate_per_minute"): "1000000",
        }


@contextlib.contextmanager
def _captured() -> Iterator[list[str]]:
    """What was printed inside to stdout and to stderr, once it is over."""
    printed: list[str] = []
    # Exports write bytes.
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        yield printed
    for stream in streams:
        stream.seek(0)
        printed.append(stream.read())


def _use(product: Product) -> str:
    """Run every command that has a document, in a lake with holes that becomes whole; a title that it holds."""
    as_of = ("--as-of", AS_OF.isoformat())
    closely = ("--strays", "--deep", "--volume")
    run = product.run
    run("fetch", "fetch", *HERE, "--json")
    (product.folder / "data/lake/diamond/diamond_final_2025_13_01.csv").mkdir()
    (product.folder / "data/lake/diamond/diamond_final_2025_13_01.csv/part-0.csv").touch()
    run("check", "check", *as_of, *closely, "--json")
    run("plan", "plan", *as_of, "--json")
    run("backfill", "backfill", "--start", NEVER.isoformat(), "--end", "2025-10-31", *as_of, "--json")
    run("plan", "plan", "--start", NEVER.isoformat(), "--end", "2025-11-03", *as_of, "--json")
    run("run", "run", "--start", NEVER.isoformat(), "--end", "2025-11-01", *as_of, "--json")
    run("analyze", "analyze", "--days", "3", *as_of, "--json")
    run("run", "run", *as_of, "--json")
    run("check", "check", *as_of, *closely, "--json")
    run("fetch --refresh", "fetch", "--refresh", "2025-11-05", "--json")
    run("check --consumed", "check", "--consumed", "--json")
    # What was published is not what the lake holds any more.
    shutil.rmtree(product.folder / "data/lake/diamond/diamond_final_2025_11_07.csv")
    run("check --consumed", "check", "--consumed", "--json")
    run("report", "report", "--json")
    run("report --html", "report", "--html", "report.html", "--json")
    for measure in ("score", "growth", "views"):
        top = run("top", "top", "--by", measure, "--limit", "25", "--json")
    titles = [page["page"] for page in top["pages"]]
    for title in titles[:10]:
        run("explain", "explain", title, "--json")
    for title in titles[:5]:
        run("page", "page", title, "--json")
    run("excluded", "excluded", "2025-11-08", "--json")
    waived = ("waive", NEVER.isoformat())
    run("waive", *waived, "--reason", "never", "--by", "me", "--until", "2027-01-01", "--json")
    run("check", "check", "--start", NEVER.isoformat(), "--end", "2025-11-10", *as_of, "--json")
    run("waive --list", "waive", "--list", "--json")
    run("waive --remove", *waived, "--remove", "--json")
    (product.folder / "data/lake/silver/cleaned_2025_11_08.parquet/part-left.parquet").touch()
    run("vacuum", "vacuum", "--older-than", "0m", "--dry-run", "--json")
    run("vacuum", "vacuum", "--older-than", "0m", "--json")
    run("doctor", "doctor", "--json")
    run("doctor --settings", "doctor", "--settings", "--json")
    run("demo", "demo", "--json")
    run("airflow dags", "airflow", "dags", "--json")
    run("airflow dags --write", "airflow", "dags", "--write", ".", "--json")
    run("sample-api --truth", "sample-api", "--truth", "--start", "2025-11-08", "--end", "2025-11-09")
    return str(titles[0])


def _use_broken(product: Product) -> None:
    """Have things go wrong, for the exit codes and for what a document says of a day that is given up."""
    as_of = ("--as-of", AS_OF.isoformat())
    nobody = "http://127.0.0.1:9"
    product.ends()
    product.ends("--help")
    product.ends("--version")
    product.ends("no-such-command")
    product.ends("check", "--no-such-option")
    product.ends("check", "--days", "none")
    product.ends("check", "--days", "1", *as_of)
    product.ends("check", lake="ftp://{layer}")
    product.ends("check", laek="data")
    product.ends("plan", *as_of, runner="airflow", airflow_url=nobody)
    product.ends("fetch", "2025-11-09", wikimedia_url="https://wikimedia.org/api/rest_v1")
    product.ends("fetch", "--refresh", "2025-11-09", wikimedia_url=nobody, deadline="0.2")
    product.ends("report", warehouse="duckdb:///none.duckdb")
    product.ends("report", warehouse="postgresql://user:secret@127.0.0.1:9/none")
    product.ends("analyze", "--start", NEVER.isoformat(), "--end", "2025-11-01", *as_of)
    product.ends("page", "No such page")
    product.ends("export", "no_such_table")
    product.ends("airflow", "dags", "--write", "no-such-folder")
    with _sample(latency=0.3) as address, mock.patch.dict(os.environ, address):
        product.run("fetch", "fetch", "--refresh", "2025-11-01", "--timeout", "0.1", "--json")
        # The run goes on behind the command; the lake is not to vanish under it.
        product.ran("fetch", "2025-11-01")


# --- The sections -----------------------------------------------------------------------------------------------------


def _commands() -> Section:
    """Every command with its arguments, in their order, and its options with all their spellings."""
    found: Section = {}
    for name, command in _named_commands(PROGRAM, typer.main.get_command(app)):
        arguments = [item for item in command.params if item.param_type_name == "argument"]
        options = [item for item in command.params if item.param_type_name != "argument"]
        found[name] = {
            "arguments": [f"{item.metavar}: {_taken(item)}" for item in arguments],
            "options": {" ".join([*item.opts, *item.secondary_opts]): _taken(item) for item in options},
        }
    return found


def _named_commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """The command itself, then those of its group, at any depth."""
    yield name, command
    for below, one in getattr(command, "commands", {}).items():
        yield from _named_commands(f"{name} {below}", one)


def _taken(item: Any) -> str:
    """What an argument or option takes, and what it is when it is not given."""
    if getattr(item, "is_flag", False):
        return "flag"
    kind = item.type
    words = [str(kind.name)]
    low, high = getattr(kind, "min", None), getattr(kind, "max", None)
    words += [f"from {low}"] if low is not None else []
    words += [f"to {high}"] if high is not None else []
    words += ["one of " + " ".join(map(str, kind.choices))] if getattr(kind, "choices", None) else []
    words += ["repeatable"] if item.multiple or item.nargs != 1 else []
    words += ["required"] if item.required else []
    return ", ".join(words) + (f" = {item.default}" if item.default is not None else "")


def _settings() -> Section:
    """Each setting by its name in the environment; its name in the file, and its default."""
    found: Section = {env_name(item.name): f"{item.name} = {item.default!r}" for item in fields(Settings)}
    return {**found, "the file": FILE_NAME}


def _dashboard(title: str) -> Section:
    """Addresses, what they take, and the keys of their JSON documents: those declared, and those of an answer."""
    from fastapi.testclient import TestClient

    made = dashboard(load())
    declared = made.openapi()
    values = {"day": "2025-11-08", "page": title, "title": title, "category": "Other", "name": "Other"}
    client = TestClient(made, base_url="http://127.0.0.1", headers={"Authorization": f"Bearer {TOKEN}"})
    found: Section = {"addresses": sorted({getattr(route, "path", "") for route in made.routes})}
    for path, operations in declared["paths"].items():
        for method, operation in operations.items():
            told = _operation(operation, declared)
            if method == "get":
                needed = [one["name"] for one in operation.get("parameters", ()) if one["required"]]
                answer = client.get(path, params={name: values[name] for name in needed})
                answer.raise_for_status()
                told |= {"keys": shape([answer.json()])} if path.endswith(".json") else {}
                told |= {"columns": answer.text.splitlines()[0]} if path.endswith(".csv") else {}
            found[f"{method} {path}"] = told
    return found


def _operation(operation: Mapping[str, Any], declared: Mapping[str, Any]) -> Section:
    found: Section = {
        "parameters": {
            one[
                "name"
            ]: f"{one['in']}, {'required' if one['required'] else 'optional'}, {_kind(one['schema'])}"
            for one in operation.get("parameters", ())
        },
        "answers": " ".join(sorted(operation["responses"])),
    }
    for status, answer in operation["responses"].items():
        for form, content in answer.get("content", {}).items():
            keys = dict(_declared_keys(content.get("schema", {}), declared, ""))
            if status < "300" and keys:
                found[f"declared in {form}"] = keys
    return found


def _kind(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    words = [str(schema.get("type", "any")), *([str(schema["format"])] if "format" in schema else [])]
    words += [f"one of {' '.join(map(str, schema['enum']))}"] if "enum" in schema else []
    return " ".join(words) + (f" = {schema['default']}" if "default" in schema else "")


def _declared_keys(
    schema: Mapping[str, Any], declared: Mapping[str, Any], path: str
) -> Iterator[tuple[str, str]]:
    """The key paths of a declared document; the names of its parts are ours, and left out."""
    if "$ref" in schema:
        schema = declared["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    branches = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if branches:
        for one in branches:
            yield from _declared_keys(one, declared, path)
    elif "properties" in schema:
        for name, one in schema["properties"].items():
            yield from _declared_keys(one, declared, f"{path}.{name}" if path else name)
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from _declared_keys(schema["additionalProperties"], declared, f"{path}.*")
    elif "items" in schema:
        yield from _declared_keys(schema["items"], declared, f"{path}[]")
    elif path:
        yield path, _kind({name: value for name, value in schema.items() if name != "default"})


def _distributions() -> Section:
    """Commands, plugins and extras that an installation has; where they lie in the code is nobody's business."""
    found: Section = {}
    for name in DISTRIBUTIONS:
        one = distribution(name)
        for point in one.entry_points:
            if point.group != "airflow.plugins":
                point.load()
        found[name] = {
            "entry points": sorted(f"{point.group}: {point.name}" for point in one.entry_points),
            "extras": sorted(one.metadata.get_all("Provides-Extra") or ()),
            "python": one.metadata["Requires-Python"],
            "licence": one.metadata["License-Expression"],
        }
    return found


def _wheel_files() -> Section:
    """Files that are not code, by their names and the beginnings of their SHA-256: none may get lost in a move."""

    def listed(*options: str) -> set[str]:
        command = ["git", "ls-files", "-z", "--exclude-standard", *options, "--", *WHEEL]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return set(done.stdout.split("\0")) - {""}

    # As hatchling chooses: what git ignores is left out, whether it was added or not.
    paths = [ROOT / name for name in listed("--cached", "--others") - listed("--cached", "--ignored")]
    found: dict[str, list[str]] = {}
    for path in paths:
        if path.suffix != ".py" and path.is_file():
            found.setdefault(path.name, []).append(hashlib.sha256(path.read_bytes()).hexdigest()[:12])
    return {name: sorted(sums) for name, sums in found.items()}


def _lake(folder: Path) -> Section:
    """How the layers lie in the lake, what columns they have, and what files a run has left."""
    found: Section = {"lake": load().lake}
    for name in ("bronze", "silver", "gold", "diamond"):
        dataset = getattr(layers(Settings()), name)
        found[name] = {
            "key": dataset.key_format,
            "format": dataset.format,
            "columns": [f"{one.name} {one.type}" for one in dataset.columns],
        }
    others = (("fr.wikipedia", "all-access"), ("fr.wikipedia", "desktop"), ("en.wikipedia", "desktop"))
    for project, access in others:
        dataset = layers(Settings(project=project, access=access)).diamond
        found[f"diamond of {project}, {access}"] = dataset.key_format
    files = {path.relative_to(folder).as_posix() for path in (folder / "data").rglob("*") if path.is_file()}
    # What the state folder holds besides is this version's own, and made anew.
    kept = [name for name in files if not name.startswith(("data/state/l", "data/."))]
    found["files"] = sorted({_without_values(name) for name in kept})
    manifest = folder / "data/lake/diamond/diamond_final_2025_11_08.csv/_SUCCESS"
    found["manifest"] = shape([json.loads(manifest.read_bytes())])
    return found


def _without_values(name: str) -> str:
    """A file's name without days and random parts."""
    name = re.sub(r"\d{4}_\d\d_\d\d", "DAY", name)
    return re.sub(r"[0-9a-f]{8,}(-[0-9a-f]+)*|(?<=[-/._])\d+", "N", name)


def _tables(folder: Path) -> Section:
    """The columns of each published table, in their order."""
    import duckdb

    with duckdb.connect(str(folder / "data/warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "SELECT table_name, column_name || ' ' || data_type FROM information_schema.columns "
            "WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
        ).fetchall()
    found: dict[str, list[str]] = {}
    for table, column in rows:
        found.setdefault(table, []).append(column)
    return dict(found)


def _exports(product: Product, tables: Section) -> Section:
    """What an export calls the columns of each table, in their order."""
    found: Section = {}
    for table, columns in tables.items():
        rows = json.loads(product.ran("export", table, "--format", "json")[1])
        header = product.ran("export", table, "--format", "csv")[1].partition("\n")[0]
        names = [column.partition(" ")[0] for column in columns]
        for form, told in (("csv", header.split(",")), ("json", list(rows[0]))):
            found[f"{table} as {form}"] = "the columns of the table" if told == names else told
    return found


def _scripts() -> Section:
    """The options of the documented scripts."""
    found: Section = {}
    for name in SCRIPTS:
        asked = mock.patch.object(sys, "argv", [name, "--help"])
        with _captured() as printed, asked, contextlib.suppress(SystemExit):
            runpy.run_path(str(ROOT / name), run_name="__main__")
        found[name] = sorted(
            set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", printed[0].partition("options:")[2]))
        )
    return found


def _documented_names() -> Section:
    found: Section = {}
    for name in DOCUMENTED:
        for told, value in vars(importlib.import_module(name)).items():
            if inspect.isfunction(value) and value.__module__ == name and not told.startswith("_"):
                found[f"{name}.{told}"] = _signature(value)
    return found


def _documented_calls() -> Section:
    """The keys of what the documented functions return."""
    checker, trigger = (importlib.import_module(name) for name in DOCUMENTED)
    with _captured():
        return {
            "find_missing_dates()": shape([checker.find_missing_dates(10, AS_OF)]),
            "get_dates_to_fetch()": shape([checker.get_dates_to_fetch(10, AS_OF)]),
            "trigger_multiple_dates()": shape([trigger.trigger_multiple_dates(["2025-11-05", NEVER])]),
        }


def _public_names(package: str) -> Section:
    """What `__all__` of a package has: functions with their parameters, classes with what they show."""
    module = importlib.import_module(package)
    ours = package.partition(".")[0]
    return {name: _public(getattr(module, name), ours) for name in sorted(getattr(module, "__all__", ()))}


def _public(value: object, ours: str) -> object:
    if isinstance(value, enum.EnumMeta):
        return "values"
    if isinstance(value, type):
        # What Airflow's and Python's own classes show beside is theirs.
        classes = [one for one in value.__mro__ if one.__module__.partition(".")[0] == ours]
        members = {name for one in classes for name in vars(one) if not name.startswith("_")}
        return {"made of": _signature(value), "shows": sorted(members)}
    return _signature(value) if callable(value) else type(value).__name__


def _signature(value: Callable[..., object]) -> str:
    """Parameters without their types, which are named after our own modules."""
    try:
        signature = inspect.signature(value)
    except ValueError:
        return "(…)"
    parameters = [
        one.replace(
            annotation=one.empty,
            default=one.default if one.default is one.empty or isinstance(one.default, _PLAIN) else _MADE,
        )
        for one in signature.parameters.values()
    ]
    return str(signature.replace(parameters=parameters, return_annotation=signature.empty))


# --- Airflow ----------------------------------------------------------------------------------------------------------


def _dag(dag: Any) -> Section:
    return {
        "schedule": str(dag.schedule),
        "max_active_runs": dag.max_active_runs,
        "catchup": dag.catchup,
        "tags": sorted(dag.tags),
        "parameters": {
            name: {"default": param.value, **param.schema}
            for name, param in ((name, dag.params.get_param(name)) for name in dag.params)
        },
        "tasks": {
            task.task_id: {
                "before": sorted(task.downstream_task_ids),
                "pool": task.pool,
                "trigger rule": str(getattr(task.trigger_rule, "value", task.trigger_rule)),
                "retries": task.retries,
                "retry delay": str(task.retry_delay),
                "outlets": sorted(outlet.name for outlet in task.outlets),
                "links": sorted(link.name for link in task.operator_extra_links),
            }
            for task in dag.tasks
        },
    }


def _names_in(path: Path) -> list[str]:
    """Connections, assets, DAGs and tasks that a DAG names: whoever runs it has made some of them by these names.

    They are in the file, or in the modules of the package that its functions come from.
    """
    nodes = [node for source in _sources_of(path) for node in ast.walk(source)]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return sorted({text for text in texts if isinstance(text, str) and re.fullmatch(r"wiki\w+", text)})


def _sources_of(path: Path) -> Iterator[ast.Module]:
    """A DAG file, and what it imports from the package of DAGs, directly or by way of another module of it."""
    source = ast.parse(path.read_text(encoding="utf-8"))
    yield source
    imports = [node for node in ast.walk(source) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imports if f"{node.module}.".startswith(f"{DAG_PACKAGE}.")]
    names = [(str(node.module), one.name) for node in ours for one in node.names]
    # The package itself exports functions, which know their module.
    modules = {
        getattr(importlib.import_module(module), name).__module__ if module == DAG_PACKAGE else module
        for module, name in names
    }
    for module in sorted(modules):
        yield from _sources_of(Path(str(importlib.import_module(module).__file__)))


def _plugins() -> Section:
    """What the plugins put into Airflow's pages."""
    found: Section = {}
    for name in DISTRIBUTIONS:
        for point in distribution(name).entry_points:
            if point.group == "airflow.plugins":
                plugin = point.load()
                found[point.name] = {
                    "name": plugin.name,
                    "apps": [
                        {key: one[key] for key in ("name", "url_prefix")} for one in plugin.fastapi_apps
                    ],
                    "views": plugin.external_views,
                }
    return found


def _xcoms_of_check(dags: Iterable[Any]) -> Section:
    """The keys that the check pushes when nothing is missing, with the types of their values."""
    import polars as pl

    (task,) = [dag.get_task("check_completeness") for dag in dags if "check_completeness" in dag.task_ids]
    dataset = layers(load()).diamond
    row = {one.name: {"integer": 1, "float": 0.0}.get(one.type, "text") for one in dataset.columns}
    for day in range(5):
        write_frame(dataset, AS_OF - dt.timedelta(days=3 + day), pl.DataFrame([row]))
    pushed: dict[str, object] = {}
    context = {
        "dag_run": types.SimpleNamespace(
            dag_id=task.dag.dag_id,
            run_id="one",
            conf={},
            run_after=dt.datetime(2025, 11, 12, 3, tzinfo=dt.UTC),
        ),
        "params": dict(task.dag.params),
        "dag": task.dag,
        "ti": types.SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value})),
    }
    with mock.patch.object(type(task), "do_branch"):
        task.execute(context)
    return shape([pushed])


# --- Documents --------------------------------------------------------------------------------------------------------


def shape(documents: Iterable[object]) -> dict[str, str]:
    """The key paths of some documents of one kind, each with the types that its values had.

    Items of lists are `[]`, and keys that the data bring along `*`.
    """
    found: dict[str, set[str]] = {}
    for document in documents:
        for path, kind in _paths(document, ""):
            found.setdefault(path, set()).add(kind)
    told = {}
    for path, kinds in found.items():
        inside = any(other != path and re.match(re.escape(path) + r"[.\[]", other) for other in found)
        # Whether a value happens to be there is not for the record.
        known = kinds - {"null"} - ({"empty list", "empty object"} if inside else set())
        if known or not inside:
            told[path] = " or ".join(sorted(known or kinds))
    return told


def _paths(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, below in value.items():
            name = "*" if _DATA_KEY.match(str(key)) else str(key)
            yield from _paths(below, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple) and value:
        for below in value:
            yield from _paths(below, f"{path}[]")
    else:
        yield path or ".", _type(value)


def _type(value: object) -> str:
    if isinstance(value, dict | list | tuple):
        return "empty object" if isinstance(value, dict) else "empty list"
    if isinstance(value, bool):
        return "boolean"
    return {"str": "text", "int": "number", "float": "number", "NoneType": "null"}.get(
        type(value).__name__, type(value).__name__
    )


def differences(before: object, now: object) -> list[str]:
    """What a section lost and got, a line each; empty when it is the same."""
    was, has = dict(_entries(before, "")), dict(_entries(now, ""))
    lines = [f"lost     {path}: {was[path]}" for path in sorted(was.keys() - has.keys())]
    lines += [f"new      {path}: {has[path]}" for path in sorted(has.keys() - was.keys())]
    lines += [
        f"changed  {path}: {was[path]} -> {has[path]}"
        for path in sorted(was.keys() & has.keys())
        if was[path] != has[path]
    ]
    if not lines:
        orders = dict(_orders(now, ""))
        lines = [
            f"changed  {path}: another order, or another number of the same: {listed} -> {orders.get(path)}"
            for path, listed in _orders(before, "")
            if listed != orders.get(path)
        ]
    return lines


def _entries(value: object, path: str) -> Iterator[tuple[str, str]]:
    """The entries of a section, each with the way to it; an item of a list is an entry by itself, wherever it stands."""
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from _entries(below, f"{path} > {key}" if path else str(key))
    elif isinstance(value, list) and value:
        for below in value:
            yield f"{path} > {json.dumps(below, ensure_ascii=False)}", "listed"
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def _orders(value: object, path: str) -> Iterator[tuple[str, str]]:
    """The lists of a section."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _orders(below, f"{path} > {key}" if path else str(key))
    elif isinstance(value, list):
        yield path, json.dumps(value, ensure_ascii=False)


def as_text(surface: Surface) -> str:
    """The surface as it stands in its file: sorted, a line an entry."""
    return json.dumps(surface, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Print the surface of the code as it is, or write it into its file."""
    parser = argparse.ArgumentParser(prog="python -m tools.surface", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the file instead of printing")
    parser.add_argument(
        "--airflow", action="store_true", help="the part of Airflow; with .venv-airflow/bin/python"
    )
    given = parser.parse_args(arguments)
    text = as_text(recorded_with_airflow() if given.airflow else recorded())
    if given.write:
        file = AIRFLOW_FILE if given.airflow else FILE
        file.write_text(text, encoding="utf-8")
        text = f"{file.relative_to(ROOT)} written\n"
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

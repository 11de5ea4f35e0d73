"""The sections of the surface about Airflow: DAGs, tasks, parameters, XComs and plugins.

The module needs Airflow's packages, but no running Airflow.
"""

from __future__ import annotations

import ast
import datetime as dt
import importlib
import re
import types
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from smart_orchestrator import write_frame
from tools.surface.documents import shape
from tools.surface.subject import AS_OF, DAG_PACKAGE, DISTRIBUTIONS, Section
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def describe_dag(dag: Any) -> Section:
    """Return the schedule, the parameters and the tasks of a DAG."""
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


def names_in(path: Path) -> list[str]:
    """Return the texts that begin with `wiki` in a DAG file and in the modules that the file imports.

    These texts are the names of connections, assets, DAGs and tasks, which users type.
    """
    nodes = [node for tree in _syntax_trees(path) for node in ast.walk(tree)]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return sorted({text for text in texts if isinstance(text, str) and re.fullmatch(r"wiki\w+", text)})


def _syntax_trees(path: Path) -> Iterator[ast.Module]:
    """Yield the syntax trees of a DAG file, and of the modules of `DAG_PACKAGE` that it imports directly or indirectly."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield tree
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    package_imports = [node for node in imports if f"{node.module}.".startswith(f"{DAG_PACKAGE}.")]
    names = [(str(node.module), alias.name) for node in package_imports for alias in node.names]
    # A function that the file imports from the package itself is defined in a module of the package.
    modules = {
        getattr(importlib.import_module(module), name).__module__ if module == DAG_PACKAGE else module
        for module, name in names
    }
    for module in sorted(modules):
        yield from _syntax_trees(Path(str(importlib.import_module(module).__file__)))


def plugins() -> Section:
    """Return the apps and views that the plugins add to Airflow's UI."""
    section: Section = {}
    for name in DISTRIBUTIONS:
        for entry_point in distribution(name).entry_points:
            if entry_point.group == "airflow.plugins":
                plugin = entry_point.load()
                section[entry_point.name] = {
                    "name": plugin.name,
                    "apps": [
                        {key: web_app[key] for key in ("name", "url_prefix")}
                        for web_app in plugin.fastapi_apps
                    ],
                    "views": plugin.external_views,
                }
    return section


def xcoms_of_check(dags: Iterable[Any]) -> Section:
    """Return the XCom keys that the task `check_completeness` pushes for a complete window, with the types of the values."""
    import polars as pl

    (task,) = [dag.get_task("check_completeness") for dag in dags if "check_completeness" in dag.task_ids]
    dataset = layers(load()).diamond
    row = {column.name: {"integer": 1, "float": 0.0}.get(column.type, "text") for column in dataset.columns}
    for days_ago in range(3, 8):
        write_frame(dataset, AS_OF - dt.timedelta(days=days_ago), pl.DataFrame([row]))
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

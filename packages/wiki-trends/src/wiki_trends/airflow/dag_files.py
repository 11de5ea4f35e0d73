"""The files that put the Dags into a DAG folder: two lines each, which call a function of `wiki_trends.airflow`.

`install_dag_files` never replaces a file with other content unless it is told to, and then nothing at all is written. Needs
no Airflow: a DAG folder is often made on another machine than the one that reads it.

Fails with `SettingError` when the folder is absent or has other content, and with `ExportFailed` when the system refuses.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wiki_trends.errors import ExportFailed, SettingError
from wiki_trends.queries.output_file import output_stream

if TYPE_CHECKING:
    from pathlib import Path

OPTION = "--write"


@dataclass(frozen=True, slots=True)
class DagFile:
    """One file for a DAG folder.

    Attributes:
        dag_id: the Dag that Airflow finds in it.
        function: what makes the Dag, a name in `wiki_trends.airflow`.
    """

    dag_id: str
    function: str

    @property
    def name(self) -> str:
        """Its name in the DAG folder."""
        return f"{self.dag_id}.py"

    @property
    def text(self) -> str:
        """Its content. Airflow parses only files with the words `dag` and `airflow` in them."""
        return (
            f'"""The Dag `{self.dag_id}`, which the package wiki-trends makes."""\n\n'
            f"from wiki_trends.airflow import {self.function}\n\n"
            f"dag = {self.function}()\n"
        )

    @property
    def content(self) -> bytes:
        """The same as bytes, as it is stored."""
        return self.text.encode()

    def to_json(self) -> dict[str, object]:
        """The file as `airflow dags --json` lists it."""
        return {"file": self.name, "dag_id": self.dag_id, "content": self.text}


DAG_FILES = (
    DagFile("wiki_trending_pipeline", "pipeline_dag"),
    DagFile("wiki_smart_analytics_orchestrator", "wiki_orchestrator_dag"),
    DagFile("wiki_analytics_trends", "trends_dag"),
)


@dataclass(frozen=True, slots=True)
class InstalledDagFile:
    """A file of a DAG folder, and what was done about it.

    Attributes:
        path: where it is.
        dag_id: the Dag in it.
        action: `written`, `unchanged` or `replaced`.
    """

    path: Path
    dag_id: str
    action: str

    def to_json(self) -> dict[str, object]:
        """The file as `airflow dags --write DIR --json` lists it."""
        return {"file": self.path.name, "dag_id": self.dag_id, "path": str(self.path), "action": self.action}


def install_dag_files(folder: Path, *, force: bool = False) -> list[InstalledDagFile]:
    """Write the Dag files into a DAG folder; a file that has this content already stays untouched.

    Args:
        folder: Airflow's DAG folder.
        force: replace files with other content.

    Raises:
        SettingError: the folder does not exist, or, without `force`, holds files with other content; nothing was written.
        ExportFailed: a file cannot be read or written.
    """
    if not folder.is_dir():
        problem = "is a file, not a folder" if folder.exists() else "does not exist"
        raise _folder_error(
            folder, problem, f"Make it (mkdir -p {shlex.quote(str(folder))}), or name another folder."
        )
    found = {file: _content(folder / file.name) for file in DAG_FILES}
    differing = [file.name for file, content in found.items() if content not in (None, file.content)]
    if differing and not force:
        problem = f"has {', '.join(differing)} with other content; nothing was written"
        raise _folder_error(folder, problem, "Move what is there away, or give --force to replace it.")
    return [_install(folder / file.name, file, content) for file, content in found.items()]


def _content(path: Path) -> bytes | None:
    """What is in a file; None when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ExportFailed(target=str(path), problem=error.strerror or str(error)) from error


def _install(path: Path, file: DagFile, content: bytes | None) -> InstalledDagFile:
    if content == file.content:
        return InstalledDagFile(path, file.dag_id, "unchanged")
    with output_stream(path, force=True) as stream:
        stream.write(file.content)
    return InstalledDagFile(path, file.dag_id, "written" if content is None else "replaced")


def _folder_error(folder: Path, problem: str, fix: str) -> SettingError:
    return SettingError(name="write", value=str(folder), origin=OPTION, problem=problem, fix=fix)

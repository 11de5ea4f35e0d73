"""Write the Dag files of wiki-trends into a DAG folder. Each file calls one function of `wiki_trends.airflow`.

If a file with the same name but other content exists, `install_dag_files` writes no file, unless `force` is set. This module does
not need Airflow, because a DAG folder is often prepared on another machine.
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
        dag_id: the id of the Dag in the file.
        function: the name of the function of `wiki_trends.airflow` that returns the Dag.
    """

    dag_id: str
    function: str

    @property
    def name(self) -> str:
        """The name of the file in the DAG folder."""
        return f"{self.dag_id}.py"

    @property
    def text(self) -> str:
        """The content of the file. Airflow parses only files that contain the words `dag` and `airflow`."""
        return (
            f'"""The Dag `{self.dag_id}`."""\n\n'
            f"from wiki_trends.airflow import {self.function}\n\n"
            f"dag = {self.function}()\n"
        )

    @property
    def content(self) -> bytes:
        """The content of the file as bytes."""
        return self.text.encode()

    def to_json(self) -> dict[str, object]:
        """Convert the file to the JSON object that `airflow dags --json` prints."""
        return {"file": self.name, "dag_id": self.dag_id, "content": self.text}


DAG_FILES = (
    DagFile("wiki_trending_pipeline", "pipeline_dag"),
    DagFile("wiki_smart_analytics_orchestrator", "wiki_orchestrator_dag"),
    DagFile("wiki_analytics_trends", "trends_dag"),
)


@dataclass(frozen=True, slots=True)
class InstalledDagFile:
    """A Dag file that `install_dag_files` has installed.

    Attributes:
        path: the path of the file.
        dag_id: the id of the Dag in the file.
        action: the change of the file: `written`, `unchanged` or `replaced`.
    """

    path: Path
    dag_id: str
    action: str

    def to_json(self) -> dict[str, object]:
        """Convert the file to the JSON object that `airflow dags --write DIR --json` prints."""
        return {"file": self.path.name, "dag_id": self.dag_id, "path": str(self.path), "action": self.action}


def install_dag_files(folder: Path, *, force: bool = False) -> list[InstalledDagFile]:
    """Write the Dag files into a DAG folder. Files that already have the expected content are not written.

    Args:
        folder: Airflow's DAG folder.
        force: whether to replace files that have other content.

    Raises:
        SettingError: the folder does not exist, or a file has other content and `force` is not set. No file was written.
        ExportFailed: a file cannot be read or written.
    """
    if not folder.is_dir():
        problem = "is a file, not a folder" if folder.exists() else "does not exist"
        raise _folder_error(
            folder, problem, f"Create it (mkdir -p {shlex.quote(str(folder))}), or name another folder."
        )
    contents = {file: _content(folder / file.name) for file in DAG_FILES}
    differing = [file.name for file, content in contents.items() if content not in (None, file.content)]
    if differing and not force:
        problem = f"has {', '.join(differing)} with other content; nothing was written"
        raise _folder_error(folder, problem, "Move them away, or give --force to replace them.")
    return [_install(folder / file.name, file, content) for file, content in contents.items()]


def _content(path: Path) -> bytes | None:
    """Read a file; return None if the file does not exist."""
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

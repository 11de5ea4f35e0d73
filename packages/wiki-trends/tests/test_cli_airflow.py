"""Test `wiki-trends airflow dags`, which prints or writes the DAG files, and never replaces a file of the user without --force."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from wiki_trends import airflow
from wiki_trends.airflow.dag_files import DAG_FILES

ROOT = Path(__file__).resolve().parents[3]
NAMES = {
    "wiki_analytics_trends.py",
    "wiki_smart_analytics_orchestrator.py",
    "wiki_trending_pipeline.py",
}


@pytest.fixture
def folder(place):
    made = place.folder / "dags"
    made.mkdir()
    return made


def actions(ran):
    return {file["file"]: file["action"] for file in ran.json["files"]}


def test_the_files_of_the_repository_are_those_that_are_written(place, folder):
    assert place.run("airflow", "dags", "--write", str(folder)).code == 0
    ours = {path.name: path.read_bytes() for path in (ROOT / "dags").iterdir() if path.is_file()}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == ours
    assert ours.keys() == NAMES


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.dag_id)
def test_a_file_is_two_lines_that_airflow_takes_for_a_dag_file(file):
    docstring, *statements = ast.parse(file.text).body
    assert isinstance(docstring, ast.Expr)
    assert len(statements) == 2
    assert file.function in airflow.__all__
    # In its safe mode, Airflow parses only files that contain these words.
    assert "dag" in file.text
    assert "airflow" in file.text


def test_without_a_folder_the_files_are_printed(place):
    ran = place.run("airflow", "dags")
    assert ran.code == 0
    for file in DAG_FILES:
        assert f"# {file.name}\n{file.text}" in ran.out
    assert place.all_paths() == []


def test_the_document_has_name_dag_and_content(place):
    document = place.run("airflow", "dags", "--json").json
    assert document["folder"] is None
    assert {file["file"] for file in document["files"]} == NAMES
    for file in document["files"]:
        assert file["file"] == f"{file['dag_id']}.py"
        compile(file["content"], file["file"], "exec")


def test_identical_files_stay_untouched_and_absent_ones_are_written(place, folder):
    place.run("airflow", "dags", "--write", str(folder))
    (folder / "wiki_analytics_trends.py").unlink()
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    ran = place.run("airflow", "dags", "--write", str(folder), "--json")
    assert ran.code == 0
    assert actions(ran) == {
        "wiki_analytics_trends.py": "written",
        "wiki_smart_analytics_orchestrator.py": "unchanged",
        "wiki_trending_pipeline.py": "unchanged",
    }
    assert {name: (folder / name).stat().st_ino for name in before} == before


def test_a_file_with_other_content_stays_and_nothing_is_written(place, folder):
    mine = folder / "wiki_smart_analytics_orchestrator.py"
    mine.write_text("# mine\n")
    ran = place.run("airflow", "dags", "--write", str(folder))
    assert (ran.code, ran.out) == (2, "")
    assert f"'{folder}' has {mine.name} with other content; nothing was written." in ran.err
    assert "--force" in ran.err
    assert [path.name for path in folder.iterdir()] == [mine.name]
    assert mine.read_text() == "# mine\n"


def test_force_replaces_it_and_leaves_other_files_alone(place, folder):
    (folder / "wiki_trending_pipeline.py").write_text("# mine\n")
    (folder / "other.py").write_text("# other\n")
    ran = place.run("airflow", "dags", "--write", str(folder), "--force", "--json")
    assert ran.code == 0
    assert actions(ran)["wiki_trending_pipeline.py"] == "replaced"
    assert {path.name for path in folder.iterdir()} == NAMES | {"other.py"}
    assert (folder / "other.py").read_text() == "# other\n"
    assert (folder / "wiki_trending_pipeline.py").read_text() == (
        ROOT / "dags" / "wiki_trending_pipeline.py"
    ).read_text()


def test_a_folder_that_is_absent_is_named_with_the_fix(place):
    absent = place.folder / "no such folder"
    ran = place.run("airflow", "dags", "--write", str(absent))
    assert (ran.code, ran.out) == (2, "")
    assert f"--write: '{absent}' does not exist. Create it (mkdir -p '{absent}')" in ran.err
    assert place.all_paths() == []


def test_a_file_in_place_of_the_folder_is_named(place):
    file = place.folder / "dags.py"
    file.touch()
    ran = place.run("airflow", "dags", "--write", str(file))
    assert ran.code == 2
    assert "is a file, not a folder" in ran.err


def test_what_the_system_refuses_is_said_with_the_path(place, folder):
    (folder / "wiki_trending_pipeline.py").mkdir()
    ran = place.run("airflow", "dags", "--write", str(folder), "--force")
    assert ran.code == 1
    assert f"{folder / 'wiki_trending_pipeline.py'} cannot be written: Is a directory" in ran.err


def test_it_needs_no_airflow(folder):
    program = (
        "import sys\nfrom wiki_trends.cli.app import run_command\n"
        f"code = run_command(['airflow', 'dags', '--write', {str(folder)!r}])\n"
        "assert 'airflow' not in sys.modules\nsys.exit(code)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert {path.name for path in folder.iterdir()} == NAMES

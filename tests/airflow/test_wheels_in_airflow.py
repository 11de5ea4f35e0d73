"""A fresh Airflow with the two wheels and an empty DAG folder: one command, and Airflow has the three Dags."""

from __future__ import annotations

import json

import pytest

from testing.wheels import build, data_files_to_read, install, opened_data_files

DAGS = {"wiki_analytics_trends", "wiki_smart_analytics_orchestrator", "wiki_trending_pipeline"}

# Installing Airflow takes as long as the machine and its cache of packages let it.
pytestmark = [pytest.mark.timeout(1800), pytest.mark.long]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """An environment of its own with the wheels, Airflow, and a database of Airflow's in SQLite."""
    built = build(tmp_path_factory.mktemp("built"))
    wheels = (
        built.requirement("smart_orchestrator"),
        built.requirement("wiki_trends", "airflow", "postgres", "web"),
    )
    return install(tmp_path_factory.mktemp("fresh"), *wheels)


@pytest.fixture(scope="module")
def airflow(fresh):
    """The command line `airflow …` of it, whose DAG folder is `dags` and empty; prints JSON."""
    home = fresh.place / "airflow"
    folder = home / "dags"
    folder.mkdir(parents=True)
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }

    def run(*arguments):
        return fresh.run("airflow", *arguments, timeout=600, **settings)

    run("db", "migrate")
    return run


def listed(airflow, *arguments):
    """The rows of a list of Airflow's: the last line of what it prints, warnings before it."""
    last = airflow(*arguments, "--output", "json").splitlines()[-1]
    return [] if last == "No data found" else json.loads(last)


def test_one_command_puts_the_three_dags_into_an_empty_folder(fresh, airflow):
    airflow("dags", "reserialize")
    assert listed(airflow, "dags", "list") == []

    fresh.run("wiki-trends", "airflow", "dags", "--write", "airflow/dags")
    airflow("dags", "reserialize")

    assert {dag["dag_id"] for dag in listed(airflow, "dags", "list")} == DAGS
    assert listed(airflow, "dags", "list-import-errors") == []


def test_airflow_lists_the_layer_among_its_providers(airflow):
    providers = {entry["package_name"]: entry for entry in listed(airflow, "providers", "list")}
    assert providers["smart-orchestrator"]["description"].startswith("Checks the partitions")


def test_every_data_file_is_read_beside_airflow_too(fresh):
    """Other versions of what the product needs, and Airflow's plugins: the same files are found."""
    assert data_files_to_read() - opened_data_files(fresh) == set()

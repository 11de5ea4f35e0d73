"""The page "Data completeness" without a running Airflow: which datasets it finds, what it says about each, and to whom."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from dataclasses import replace

import httpx2
import polars as pl
import pytest

from smart_orchestrator import Column, DailyDataset, write_frame
from smart_orchestrator.airflow import orchestrator_dag
from smart_orchestrator.airflow.completeness_page import app as page_app
from smart_orchestrator.airflow.completeness_page import datasets as page_datasets
from smart_orchestrator.airflow.completeness_page.datasets import DatasetReports, dataset_of, report_of
from smart_orchestrator.airflow.operators import CHECK

TODAY = dt.date(2025, 11, 12)
NEWEST = dt.date(2025, 11, 9)


@pytest.fixture
def dataset(tmp_path):
    columns = (Column("page", unique=True), Column("views", "integer"))
    return DailyDataset("pages", str(tmp_path / "lake"), "p_{day:%Y_%m_%d}.csv", columns=columns)


def serialized(dag):
    """The DAG as the api-server reads it from Airflow's database."""
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))


def found(dag, **options):
    stored = serialized(dag)
    document = stored.task_dict[CHECK].doc_json
    return dataset_of(dag.dag_id, document, stored.params.dump(), **{"is_paused": False, **options})


@pytest.fixture
def orchestrated(dataset, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", "http://user:secret@127.0.0.1:9")
    monkeypatch.setattr(page_datasets, "API_PATIENCE", 0.0)
    return found(orchestrator_dag(dataset, "pages_pipeline", lambda _: None, days=3, details_url="/more"))


def test_the_configuration_survives_the_serialization_of_the_dag(dataset):
    columns = tuple(Column(f"a_long_name_of_a_column_{number}") for number in range(300))
    wide = replace(dataset, columns=columns)
    dag = orchestrator_dag(wide, "pages_pipeline", lambda _: None, days=4, lag=2, tags=["team"])
    result = found(dag)
    assert result.orchestration.dataset.columns == columns
    assert (result.orchestration.pipeline_dag_id, result.orchestration.lag) == ("pages_pipeline", 2)
    assert (result.params["days"], result.details_url) == (4, "")
    assert set(serialized(dag).tags) == {"smart orchestrator", "team"}


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"orchestration": {"dataset": {}}}', "null", "1e400"])
def test_a_document_of_another_version_is_a_dataset_with_a_problem(document, tmp_path):
    result = dataset_of("other", document, {}, is_paused=False)
    assert result.orchestration is None
    assert "Install the same version" in report_of(result, TODAY, str(tmp_path), None).problem


def test_a_report_explains_each_missing_day_also_when_the_runs_are_unknown(orchestrated, dataset, tmp_path):
    write_frame(dataset, NEWEST, pl.DataFrame({"page": ["A"], "views": [1]}))
    report = report_of(orchestrated, TODAY, str(tmp_path / "state"), None)
    assert report.completeness.available == (NEWEST,)
    assert [str(item.key) for item in report.explanations] == ["2025-11-07", "2025-11-08"]
    assert {item.cause.value for item in report.explanations} == {"never_attempted"}
    assert report.problem.startswith("The runs of pages_pipeline are unknown: Airflow at http://127.0.0.1:9")
    assert "secret" not in report.problem
    assert len(report_of(orchestrated, TODAY, str(tmp_path / "state"), 30).completeness.window) == 30


def test_a_lake_that_fails_does_not_hide_the_other_datasets(orchestrated, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    broken = replace(orchestrated.orchestration.dataset, lake=str(tmp_path / "file"))
    gone = replace(
        orchestrated, dag_id="gone", orchestration=replace(orchestrated.orchestration, dataset=broken)
    )
    first, second = DatasetReports(str(tmp_path / "state")).of([gone, orchestrated])
    assert first.completeness is None
    assert str(tmp_path / "file") in first.problem
    assert len(second.completeness.missing) == 3


def test_a_check_that_does_not_end_is_a_problem_and_is_not_started_again(orchestrated, tmp_path, monkeypatch):
    from threading import Event

    started, release = [], Event()

    def endless(dataset, *_):
        started.append(dataset.dag_id)
        release.wait(60)

    monkeypatch.setattr(page_datasets, "report_of", endless)
    monkeypatch.setattr(page_datasets, "WAIT_SECONDS", 0.1)
    reports = DatasetReports(str(tmp_path / "state"))
    try:
        for _ in range(3):
            [report] = reports.of([orchestrated])
            assert report.problem == "The lake has not answered within 0.1 s."
    finally:
        release.set()
    assert started == ["pages_orchestrator"]


@pytest.fixture
def ask(orchestrated, monkeypatch):
    """A request to the page as a user who may see the runs of the DAGs in `visible`."""
    hidden = replace(orchestrated, dag_id="hidden_orchestrator")

    async def user_of(request):
        from fastapi import HTTPException

        if request.headers.get("authorization") != "Bearer valid":
            raise HTTPException(401)
        return "ada"

    monkeypatch.setattr(page_app, "airflow_user", user_of)
    monkeypatch.setattr(page_app, "orchestrated_datasets", lambda: [hidden, orchestrated])
    monkeypatch.setattr(page_app, "is_authorized", lambda _user, _method, dag_id: dag_id != hidden.dag_id)
    page = page_app.create_page()

    def asked(path, token="valid", method="GET"):
        async def response():
            transport = httpx2.ASGITransport(app=page)
            async with httpx2.AsyncClient(transport=transport, base_url="http://airflow") as client:
                return await client.request(method, path, headers={"authorization": f"Bearer {token}"})

        return asyncio.run(response())

    return asked


def test_a_user_sees_the_datasets_whose_runs_the_user_may_see(ask):
    page = ask("/")
    assert page.status_code == 200
    assert "pages_orchestrator" in page.text
    assert 'href="/more"' in page.text
    assert "never_attempted" in page.text
    assert "hidden_orchestrator" not in page.text
    [item] = ask("/datasets.json?days=7").json()["datasets"]
    assert (item["orchestrator"], item["dataset"], item["pipeline"]) == (
        "pages_orchestrator",
        "pages",
        "pages_pipeline",
    )
    assert item["completeness"]["window"]["days"] == len(item["not_available"]) == 7


@pytest.mark.parametrize("path", ["/", "/datasets.json"])
def test_without_a_token_of_airflow_the_page_shows_nothing(ask, path):
    response = ask(path, token="another")
    assert response.status_code == 401
    assert "pages" not in response.text
    assert ask(path, method="POST").status_code == 405


@pytest.mark.parametrize("days", ["0", "-1", "367", "many", "9" * 5000])
def test_a_number_of_days_out_of_range_is_refused(ask, days):
    assert ask(f"/datasets.json?days={days}").status_code == 422


def test_the_reason_of_a_day_cannot_add_markup_to_the_page(ask, dataset, monkeypatch):
    evil = replace(dataset, name="<script>alert(1)</script>")
    dag = orchestrator_dag(evil, "pages_pipeline", lambda _: None, dag_id="evil", days=1)
    monkeypatch.setattr(page_app, "orchestrated_datasets", lambda: [found(dag)])
    assert "<script" not in ask("/").text
    assert "&lt;script&gt;" in ask("/").text

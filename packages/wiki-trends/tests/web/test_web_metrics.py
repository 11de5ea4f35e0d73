"""The metrics of the dashboard: their format, and who may read them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from testing.dashboard import TOKEN, serving
from wiki_trends.config.settings import Settings
from wiki_trends.web.auth.sign_in import TokenGuard
from wiki_trends.web.serve import make_guard

METRICS_TOKEN = "a-token-of-prometheus-0123456789"
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


@pytest.fixture(scope="module")
def guarded(demo_settings):
    """A dashboard that other machines can reach, with a token for metrics."""
    guard = TokenGuard(TOKEN, visible_to_all=False, metrics_token=METRICS_TOKEN)
    with serving(replace(demo_settings, fresh="06:00 UTC, 4 days"), guard) as dashboard:
        yield dashboard


def test_prometheus_reads_the_metrics_with_its_own_token(guarded):
    answer = guarded.client.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    samples = [s for family in text_string_to_metric_families(answer.text) for s in family.samples]
    values = {(s.name, *s.labels.values()): s.value for s in samples}
    assert values["smart_orchestrator_coverage_ratio", "diamond"] == 1
    assert values["smart_orchestrator_window_ready", "diamond"] == 1
    assert values["smart_orchestrator_freshness_objective_met", "diamond"] == 0, "the demo is of another year"
    assert ("wiki_trends_http_requests_total", "5xx") in values
    assert not [key for key in values if any(re.search(r"\d{4}-\d{2}", label) for label in key)]


def test_the_metrics_are_valid_openmetrics(guarded):
    answer = guarded.client.get("/metrics", headers={**OPENMETRICS, **guarded.bearer})

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    names = {family.name for family in openmetrics.text_string_to_metric_families(answer.text)}
    assert "smart_orchestrator_oldest_gap_seconds" in names
    assert answer.text.endswith("# EOF\n")


def test_the_token_for_metrics_reads_nothing_else(guarded):
    token = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    for path in ("/overview.json", "/metrics/", "/runs"):
        assert guarded.client.get(path, headers=token).status_code == 401
    assert guarded.client.post("/metrics", headers=token).status_code in (403, 405)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong-token-wrong-token"}])
def test_the_metrics_are_behind_the_sign_in(guarded, headers):
    assert guarded.client.get("/metrics", headers=headers).status_code == 401


def test_an_empty_token_for_metrics_opens_nothing(closed):
    for value in ("Bearer", "Bearer x", "Basic Og=="):
        assert closed.client.get("/metrics", headers={"Authorization": value}).status_code == 401


def test_the_requests_are_counted_by_the_class_of_their_status(guarded):
    def count(status):
        text = guarded.client.get("/metrics", headers=guarded.bearer).text
        return float(re.search(rf'http_requests_total{{status="{status}"}} (\S+)', text)[1])

    before = count("4xx")
    guarded.client.get("/no/such/page", headers=guarded.bearer)
    assert count("4xx") == before + 1


def test_the_guard_of_the_server_has_the_token_of_the_settings():
    guard = make_guard(Settings(metrics_token=METRICS_TOKEN), "127.0.0.1", [])

    assert guard._metrics_token == METRICS_TOKEN.encode()

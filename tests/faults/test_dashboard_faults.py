"""Test the dashboard with the faults of the corpus in lakes, waivers, markers, databases and settings.

Every route answers with a status other than 500. The response contains a reason, but neither a path of the machine nor a secret.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from testing.dashboard import serving
from testing.faults import DAY, SECRET, Fault, Scene
from wiki_trends.config.settings import Settings, load
from wiki_trends.errors import SettingError

WINDOW = f"start={DAY}&end={DAY}"
VIEWS = (
    ("/", "/overview"),
    ("/pages", "/pages"),
    ("/page", "/page", "title=Page_1"),
    ("/categories", "/categories"),
    ("/category", "/category", "name=Other"),
    ("/completeness", "/completeness", WINDOW),
    ("/completeness", "/completeness", "days=365"),
    ("/day", "/day", f"day={DAY}"),
    ("/runs", "/runs"),
    ("/left-out", "/left-out", f"day={DAY}"),
)
# The modules of the corpus whose faults affect a dashboard.
MODULES = ("cases_contents", "cases_store", "cases_runs", "cases_warehouse", "cases_settings")
# A selection that is quick to run; `make test-full` runs all.
SELECTED = {
    "certificate-file-missing",
    "columns-that-differ-from-part-to-part",
    "fifo-as-part",
    "gzip-cut-by-a-byte",
    "marker-of-infinity",
    "runs-that-are-no-json",
    "state-is-a-folder-check",
    "state-with-a-bad-row-check",
    "users-own-table-in-the-way",
    "waiver-is-not-json",
    "warehouse-is-a-folder",
    "warehouse-is-cut",
}
STATUSES = {200, 404, 409, 422, 503}


def _cases() -> list[Fault]:
    cases: list[Fault] = []
    for name in MODULES:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        cases += [case for case in module.CASES if "local" in case.stores]
    return cases


def _settings_of(case: Fault) -> Settings | None:
    """Return the settings in the environment; None if they are invalid, so that no dashboard starts."""
    try:
        return load()
    except SettingError:
        if case.code != 2:
            raise
        return None


def paths() -> list[str]:
    """Return the paths of every view as a page, as JSON and as CSV, and of the other routes."""
    found = ["/feed.atom", "/health", "/openapi.json", "/no/such/page"]
    for page, stem, *query in VIEWS:
        suffix = f"?{query[0]}" if query else ""
        found += [f"{page}{suffix}", f"{stem}.json{suffix}", f"{stem}.csv{suffix}"]
    return found


def assert_answers(case: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(folder, f"{folder}/lake/{{layer}}")
    with scene.resources:
        case.arrange(scene)
        monkeypatch.chdir(folder)
        for name in [name for name in os.environ if name.startswith("WIKI_TRENDS_")]:
            monkeypatch.delenv(name)
        settings_of_lake = {
            "WIKI_TRENDS_LAKE": scene.lake_url,
            "WIKI_TRENDS_LAKE_RETRIES": "0",
            "WIKI_TRENDS_LAKE_TIMEOUT": "2",
        }
        for name, value in (settings_of_lake | scene.environ).items():
            monkeypatch.setenv(name, value)
        settings = _settings_of(case)
        if settings is None:
            return
        with serving(settings) as dashboard:
            for path in paths():
                answer = dashboard.client.get(path, headers={"Accept": "text/html"})
                assert answer.status_code in STATUSES, (path, answer.text)
                assert str(folder) not in answer.text, path
                assert SECRET not in answer.text, path


CASES = [
    pytest.param(case, id=case.name, marks=() if case.name in SELECTED else pytest.mark.long)
    for case in _cases()
]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_every_route_answers_with_a_reason(case, tmp_path, monkeypatch):
    assert_answers(case, tmp_path, monkeypatch)


def test_the_selected_cases_are_in_the_corpus():
    assert {case.name for case in _cases()} >= SELECTED

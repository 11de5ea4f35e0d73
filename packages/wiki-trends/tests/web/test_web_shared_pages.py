"""What a colleague gets by a link or a file: the order of a table, the data of each chart, the views by device."""

from __future__ import annotations

import csv
import io

import pytest

from smart_orchestrator.adapters.manifest import read_frame
from testing.browser import tab
from testing.dashboard import AS_OF, PAGE, serving, settings_of
from wiki_trends.config.layers import layers

TITLE = "Legend_of_Gatanor"


def test_the_order_of_a_table_is_in_its_address(shared, browser):
    with tab(browser, base_url=shared.url) as seen:
        seen.page.goto("/categories")
        seen.page.get_by_role("button", name="Pages").click()
        seen.page.wait_for_url("**/categories?sort=categories.5.down")
        ordered = seen.page.locator("#categories tbody").inner_text()
        seen.page.get_by_role("button", name="Pages").click()
        seen.page.wait_for_url("**/categories?sort=categories.5.up")
        seen.page.goto("/categories?sort=categories.5.down")
        assert seen.page.locator("#categories tbody").inner_text() == ordered
        assert seen.page.locator("#categories th[aria-sort=descending]").inner_text().startswith("Pages")
        seen.page.goto("/categories?sort=categories.99.down")
        assert seen.page.locator("#categories tbody tr").count() > 3
        assert seen.problems == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [f"/page?title={TITLE}", "/category?name=Sports", f"/compare?title={TITLE}"],
    ids=["page", "category", "compare"],
)
def test_each_chart_has_its_data_beside_it(shared, browser, path):
    with tab(browser, base_url=shared.url) as seen:
        seen.page.goto(path)
        figures = seen.page.locator("figure.chart")
        assert figures.count() >= 1
        for figure in figures.all():
            for name, kind in (("JSON", "application/json"), ("CSV", "text/csv")):
                link = figure.get_by_role("link", name=name).get_attribute("href")
                assert shared.client.get(link).headers["content-type"].startswith(kind), link


def test_the_scores_by_window_are_data_too(shared):
    scores = shared.client.get("/page.json", params={"title": TITLE}).json()["scores"]
    document = shared.client.get("/page-windows.json", params={"title": TITLE}).json()
    assert document["page"] == TITLE
    assert document["windows"][-1] == {
        "start": "2025-11-05",
        "end": "2025-11-09",
        "at_least": scores["at_least"],
        "views": scores["views"],
        "peak_date": scores["peak_date"],
    }
    rows = list(
        csv.DictReader(io.StringIO(shared.client.get("/page-windows.csv", params={"title": TITLE}).text))
    )
    assert [row["end"] for row in rows] == [window["end"] for window in document["windows"]]


def test_a_page_says_how_many_views_came_from_desktops(shared, demo_settings):
    scores = shared.client.get("/page.json", params={"title": TITLE}).json()["scores"]
    frame = read_frame(layers(demo_settings).silver, AS_OF.fromisoformat(scores["peak_date"]))
    [(views, low, high)] = frame.filter(page=TITLE).select("views", "desktop_low", "desktop_high").rows()
    html = shared.client.get("/page", params={"title": TITLE}, headers=PAGE).text
    assert low == high
    assert (
        f"{round(low * views):,}<small>from desktops, {views - round(low * views):,} from mobile devices"
        in html
    )


def test_a_page_is_shown_when_the_lake_does_not_have_the_views_by_device(demo_copy):
    import shutil

    shutil.rmtree(demo_copy / "lake/silver")
    with serving(settings_of(demo_copy)) as dashboard:
        page = dashboard.client.get("/page", params={"title": TITLE}, headers=PAGE)
        assert page.status_code == 200
        assert "from desktops" not in page.text


def test_a_list_of_pages_reads_one_snapshot(demo_settings, monkeypatch):
    with serving(demo_settings) as dashboard:
        dashboard.client.get("/pages", headers=PAGE)
        from wiki_trends.warehouse.duckdb.warehouse import DuckDBFile

        snapshots = []
        reading = DuckDBFile.reading

        def counted(self):
            snapshots.append(1)
            return reading(self)

        monkeypatch.setattr(DuckDBFile, "reading", counted)
        assert dashboard.client.get("/pages", params={"q": "legend"}, headers=PAGE).status_code == 200
        assert len(snapshots) == 1

"""Comparing pages, choosing a window, and filtering the list of pages."""

from __future__ import annotations

import csv
import io
import re

import duckdb
import pytest

from smart_orchestrator.checking import check
from testing.browser import PHONE, tab
from testing.dashboard import PAGE, serving, settings_of
from testing.window_data import diamond_in, row, window_of, write_day
from wiki_trends.analytics.analyze import analyze
from wiki_trends.warehouse import open_warehouse

SUGGESTIONS_SCRIPT = re.compile(r"/suggestions\.js")


@pytest.fixture(scope="module")
def two_windows(tmp_path_factory):
    """A dashboard over two published windows, of three days and of two."""
    folder = tmp_path_factory.mktemp("windows")
    dataset = diamond_in(f"{folder}/lake")
    for offset in range(3):
        write_day(dataset, offset, [row("A", 500 + 100 * offset), row("B_b", 300, 2)])
    settings = settings_of(folder)
    for length in (2, 3):
        analyze(dataset, check(dataset, window_of(length)), open_warehouse(settings.warehouse))
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE wiki_trends_scores SET burst = (page = 'A')")
    with serving(settings) as dashboard:
        yield dashboard


def leading_titles(dashboard, number):
    rows = dashboard.client.get("/pages.json", params={"by": "views", "limit": number}).json()["pages"]
    return [row["page_display"] for row in rows]


@pytest.mark.slow
def test_pages_are_compared_on_the_same_days_in_each_format(shared):
    titles = leading_titles(shared, 2)
    document = shared.client.get("/compare.json", params={"title": titles}).json()
    assert [page["page_display"] for page in document["pages"]] == titles
    first, second = (page["series"] for page in document["pages"])
    assert [day["date"] for day in first] == [day["date"] for day in second]
    rows = list(csv.DictReader(io.StringIO(shared.client.get("/compare.csv", params={"title": titles}).text)))
    expected = [str(day["views"] or "") for day in (*first, *second)]
    assert [line["views"] for line in rows] == expected
    html = shared.client.get("/compare", params={"title": titles}, headers=PAGE).text
    assert all(f"{day['views']:,}" in html for day in first if day["views"] is not None)
    assert '"type":"log"' not in html
    logarithmic = {"title": titles, "scale": "logarithmic"}
    assert '"type":"log"' in shared.client.get("/compare", params=logarithmic, headers=PAGE).text


def test_the_comparison_is_bounded_and_refuses_unknown_pages(shared):
    assert shared.client.get("/compare", headers=PAGE).status_code == 200
    unknown = shared.client.get("/compare.json", params={"title": ["No such page"]})
    assert (unknown.status_code, unknown.json()["error"]) == (404, "PAGE_NOT_LISTED")
    assert shared.client.get("/compare.json", params={"title": ["A"] * 7}).status_code == 422


def test_pages_are_filtered_by_presence_and_burst(shared):
    every = shared.client.get("/pages.json").json()["found"]
    counts = 0
    for presence in ("new", "returning", "regular", "unknown"):
        answer = shared.client.get("/pages.json", params={"presence": presence}).json()
        assert {page["presence"] for page in answer["pages"]} <= {presence}
        counts += answer["found"]
    assert counts == every


def test_only_pages_with_a_burst_are_listed(two_windows):
    bursts = two_windows.client.get("/pages.json", params={"burst": "true"}).json()
    assert [page["page"] for page in bursts["pages"]] == ["A"]
    html = two_windows.client.get("/pages", params={"burst": "true"}, headers=PAGE).text
    assert "by=views&amp;burst=true" in html


def test_another_published_window_is_chosen(two_windows):
    windows = two_windows.client.get("/pages", headers=PAGE).text
    assert windows.count('<option value="2025-') == 2
    current = two_windows.client.get("/pages.json").json()
    published = re.findall(r'<option value="(2025-[-.0-9]+)"', windows)
    (other,) = set(published) - {"..".join(current["window"].values())}
    answer = two_windows.client.get("/pages.json", params={"window": other}).json()
    assert answer["window"] == {"start": other[:10], "end": other[-10:]}
    assert {page["days_used"] for page in answer["pages"]} == {2}
    assert {page["views_change"] for page in answer["pages"]} == {None}
    html = two_windows.client.get("/pages", params={"window": other}, headers=PAGE).text
    assert "Only the scores of this window are kept" in html
    assert "Only the scores of this window are kept" not in windows
    absent = two_windows.client.get("/pages.json", params={"window": "2024-01-01..2024-01-05"})
    assert (absent.status_code, absent.json()["error"]) == (404, "NO_SUCH_WINDOW")


@pytest.mark.slow
def test_titles_are_suggested_for_what_was_typed_before_the_script_was_loaded(shared, browser):
    (first,) = leading_titles(shared, 1)
    with tab(browser, base_url=shared.url) as seen:
        waiting = []

        def hold(route):
            waiting.append(route)

        seen.page.route(SUGGESTIONS_SCRIPT, hold)
        with seen.page.expect_request(SUGGESTIONS_SCRIPT):
            seen.page.goto("/compare", wait_until="commit")
        seen.page.get_by_label("Page 1").press_sequentially(first[:6])
        assert seen.page.get_by_label("Page 1").input_value() == first[:6]
        waiting.pop().continue_()
        seen.page.locator("#titles option").first.wait_for(state="attached")


@pytest.mark.slow
def test_two_pages_are_compared_in_four_steps_by_keyboard(shared, browser):
    first, second = leading_titles(shared, 2)
    with tab(browser, base_url=shared.url) as seen:
        page = seen.page
        page.goto("/")
        page.get_by_role("link", name="Pages", exact=True).press("Enter")
        page.get_by_role("link", name="Compare pages").press("Enter")
        page.get_by_label("Page 1").press_sequentially(first[:6])
        page.locator("#titles option").first.wait_for(state="attached")
        assert page.locator("#titles option").count() <= 10
        page.get_by_label("Page 1").fill(first)
        page.get_by_label("Page 2").fill(second)
        page.get_by_label("Page 2").press("Enter")
        page.wait_for_selector(".plot[data-drawn]")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert seen.accessibility_violations() == [], scheme
        for width in (320, PHONE, 820, 1440):
            page.set_viewport_size({"width": width, "height": 844})
            assert seen.overflow_pixels() == 0, width
        page.locator(".plot svg").hover()
        page.locator(".plot-tip:not([hidden])").wait_for()
        assert {first, second} <= set(page.locator(".plot-tip dt").all_inner_texts())

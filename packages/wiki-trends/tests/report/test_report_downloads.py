"""The data of the charts in the HTML report, downloaded in a real browser from a file on disk, with the network off."""

import csv
import datetime as dt
import io
import json
import re

import pytest

from testing.browser import tab
from testing.report_windows import publish, settings_in, varied_rows
from testing.window_data import row
from wiki_trends.report.formats import compact, decimals, short_day, whole
from wiki_trends.report.html.document import write_report
from wiki_trends.web.views.csv_text import csv_text

pytestmark = pytest.mark.slow

# Each ranks first on a day, so that it is in the rank race; the apostrophe and the quotes are what CSV files get wrong.
TITLES = ("=HYPERLINK(1)", "\u200e+1_2", "\u208a1", '@a,_"b"', "\t-1", "</script><b>_\u0645", "-2\r\n3")
FILE_NAMES = {
    "chart-race": "ranks-en.wikipedia-2025-11-12-2025-11-16",
    "chart-categories": "categories-en.wikipedia-2025-11-12-2025-11-16",
    "chart-places": "places-en.wikipedia-2025-11-12-2025-11-16",
}


def rows_of(offset):
    """A day on which each of the titles has a peak at the end of the window; the first is outside the list on one day."""
    peaks = [
        row(title, (9_000_000 if offset >= 10 else 90_000) - number)
        for number, title in enumerate(TITLES)
        if (number, offset) != (0, 9)
    ]
    rows = sorted([*varied_rows(offset), *peaks], key=lambda item: -item["views"])
    return [item | {"rank": rank} for rank, item in enumerate(rows, start=1)]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("downloads")
    settings = settings_in(folder)
    publish(settings, {offset: rows_of(offset) for offset in range(12)}, window=5)
    target = folder / "report.html"
    write_report(target, settings, ({}, ""))
    return target


@pytest.fixture(scope="module")
def downloads(browser, written):
    """The text of each file by chart and format, and the cells of the table below each chart."""
    files, tables = {}, {}
    with tab(browser, offline=True) as made:
        page = made.open(written).page
        for chart, name in FILE_NAMES.items():
            figure = page.locator("figure", has=page.locator(f"#{chart}"))
            figure.locator("summary").click()
            lines = figure.locator("table tr").all()
            tables[chart] = [line.locator("th, td").all_inner_texts() for line in lines]
            for file_format in ("json", "csv"):
                button = figure.get_by_role("button", name=file_format.upper())
                with page.expect_download() as download:
                    # By mouse and by keyboard.
                    if file_format == "json":
                        button.click()
                    else:
                        button.focus()
                        page.keyboard.press("Enter")
                assert download.value.suggested_filename == f"{name}.{file_format}"
                files[chart, file_format] = download.value.path().read_bytes()
        assert made.problems == []
    return files, tables


@pytest.mark.parametrize("chart", FILE_NAMES)
def test_the_csv_of_a_chart_is_written_like_every_other_csv(downloads, chart):
    files, _ = downloads
    rows = json.loads(files[chart, "json"])
    assert rows
    columns = list(rows[0])
    expected = csv_text(columns, [[row[column] for column in columns] for row in rows])
    assert files[chart, "csv"].decode() == expected


def test_no_cell_of_a_download_is_a_formula(downloads):
    files, _ = downloads
    read = list(csv.DictReader(io.StringIO(files["chart-race", "csv"].decode(), newline="")))
    displayed = {row["page_display"] for row in json.loads(files["chart-race", "json"])}
    hostile = {title for title in displayed if title.lstrip("\u200e")[0] in "=+\u208a@\t-"}
    assert len(hostile) >= 5
    assert {f"'{title}" for title in hostile} | (displayed - hostile) == {row["page_display"] for row in read}


def test_the_downloaded_ranks_are_those_in_the_table(downloads):
    files, tables = downloads
    rows = json.loads(files["chart-race", "json"])
    assert {tuple(row) for row in rows} == {("page_display", "date", "rank", "views")}
    assert None in {row["rank"] for row in rows}
    ranks = [whole(row["rank"]) for row in rows]
    assert ranks == [cell for line in tables["chart-race"][1:] for cell in line[1:]]


def test_the_downloaded_views_of_categories_are_those_in_the_table(downloads):
    files, tables = downloads
    rows = json.loads(files["chart-categories", "json"])
    assert {tuple(row) for row in rows} == {("category", "date", "views")}
    views = {(row["category"], short_day_of(row["date"])): compact(row["views"]) for row in rows}
    heads, *lines = tables["chart-categories"]
    shown = {(line[0], day): cell for line in lines for day, cell in zip(heads[1:], line[1:], strict=True)}
    assert views == {key: cell for key, cell in shown.items() if cell != "–"}


def test_the_downloaded_places_are_those_in_the_table(downloads):
    files, tables = downloads
    rows = json.loads(files["chart-places", "json"])
    lines = [
        [row["label"], decimals(row["latitude"], 1), decimals(row["longitude"], 1), whole(row["views"])]
        for row in rows[:40]
    ]
    assert lines == [[re.sub(r"\s+", " ", cell) for cell in line] for line in tables["chart-places"][1:]]


def test_without_javascript_no_button_promises_a_file(browser, written):
    with tab(browser, offline=True, java_script_enabled=False) as made:
        made.page.goto(written.as_uri())
        assert made.page.locator("[data-download]").count() == 6
        assert made.page.locator("[data-download]:visible").count() == 0


def short_day_of(text):
    return short_day(dt.date.fromisoformat(text))

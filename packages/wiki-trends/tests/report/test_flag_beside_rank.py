"""Each ranking says that the share of desktops of a page was unusual, also without evidence."""

import polars as pl
import pytest

from smart_orchestrator.checking import check
from smart_orchestrator.committing.writer import write_frame
from testing.dashboard import PAGE, serving, settings_of
from testing.window_data import TYPES, day_number, diamond_in, ranked, window_of
from wiki_trends.analytics.analyze import analyze
from wiki_trends.queries import pages
from wiki_trends.queries.evidence import FLAG
from wiki_trends.report import build_report, render
from wiki_trends.report.html.document import write_report
from wiki_trends.report.lookup_text import page_lines, top_lines
from wiki_trends.warehouse import open_warehouse

VIEWS = {"Flagged": (900, 9000), "Other": (300, 2000), "Steady": (250, 250)}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flagged")
    dataset, settings = diamond_in(f"{folder}/lake"), settings_of(folder)
    for offset in range(2):
        rows = {page: views[offset] for page, views in VIEWS.items()}
        suspect = [{"page": "Flagged", "views": rows["Flagged"]}]
        frame = pl.DataFrame(ranked(rows), schema=TYPES)
        write_frame(dataset, day_number(offset), frame, measured={"suspect": suspect})
    run = analyze(dataset, check(dataset, window_of(2)), open_warehouse(settings.warehouse)).run
    assert (run.flagged, run.left_out) == (("Flagged",), ())
    return settings


def test_the_terminal_and_the_json_flag_the_page_beside_its_rank(settings):
    warehouse = open_warehouse(settings.warehouse)
    top = pages.top(warehouse, "at_least", None, 10)
    assert [(row["page"], row["flagged"]) for row in top.to_json()["pages"]] == [
        ("Flagged", True), ("Other", False), ("Steady", False),
    ]  # fmt: skip
    lines = [text for text, _ in top_lines(top)]
    assert lines[1].startswith("  1  Flagged")
    assert lines[3] == f"     flagged: {FLAG}"
    assert sum(FLAG in line for line in lines) == 1
    lines = {page: [text for text, _ in page_lines(pages.page_details(warehouse, page))] for page in VIEWS}
    assert [page for page in VIEWS if f"flagged: {FLAG}" in lines[page]] == ["Flagged"]


def test_the_report_flags_the_page_in_its_headline_and_beside_its_rank(settings, tmp_path):
    report = build_report(open_warehouse(settings.warehouse))
    assert [FLAG in str(sentence) for sentence in report.headline[:2]] == [True, False]
    lines = [line.split() for line in render(report, width=160).splitlines()]
    assert ["Flagged", "*1"] in [[line[0], line[-2]] for line in lines if len(line) > 2]
    assert not [line for line in lines if line[:1] == ["Other"] and "*2" in line]
    assert ["*", *FLAG.split()] in lines
    write_report(tmp_path / "report.html", settings, ({}, ""))
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.count(f"Flagged: {FLAG}.") == 1


def test_the_dashboard_and_the_feed_flag_the_page_beside_its_rank(settings):
    with serving(settings) as dashboard:
        for path in ("/", "/pages", "/page?title=Flagged"):
            assert dashboard.client.get(path, headers=PAGE).text.count(f"Flagged: {FLAG}.") == 1, path
        assert FLAG not in dashboard.client.get("/page?title=Other", headers=PAGE).text
        assert dashboard.client.get("/feed.atom").text.count(f"Flagged: {FLAG}.") == 1

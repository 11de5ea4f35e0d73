"""The views in each representation, and without data."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import shutil
from xml.etree import ElementTree as ET

import duckdb
import psycopg
import pytest

from smart_orchestrator.checking import check
from smart_orchestrator.model.completeness import Policy
from testing.dashboard import HOSTILE, eventually, published, serving, settings_of
from testing.window_data import diamond_in, row, window_of, write_day
from wiki_trends.analytics.analyze import analyze
from wiki_trends.report.build import build_report
from wiki_trends.report.model import to_json
from wiki_trends.warehouse import open_warehouse
from wiki_trends.web.views.csv_text import csv_text

PAGE = {"Accept": "text/html"}


def test_the_overview_has_the_reports_figures(shared, demo_settings):
    report = build_report(open_warehouse(demo_settings.warehouse))
    assert shared.client.get("/overview.json").json() == json.loads(json.dumps(to_json(report), default=str))
    page = shared.client.get("/", headers=PAGE).text
    for sentence in report.headline:
        assert sentence.subject in page
    rows = list(csv.DictReader(io.StringIO(shared.client.get("/overview.csv").text)))
    assert {"peak", "growing", "declining", "volatile", "climber", "sustained"} == {
        line["list"] for line in rows
    }


def test_pages_are_searched_ordered_and_turned(shared):
    def asked(**query):
        return shared.client.get("/pages.json", params=query).json()

    views = asked(by="views")
    assert len(views["pages"]) == 100 < views["found"]
    assert [p["views"] for p in views["pages"]] == sorted((p["views"] for p in views["pages"]), reverse=True)
    second = asked(by="views", skip=100)
    assert second["pages"][0]["views"] <= views["pages"][-1]["views"]
    behind_the_end = asked(by="views", skip=1_000_000)
    assert (behind_the_end["pages"], behind_the_end["found"]) == ([], views["found"])
    assert "The list has only " in shared.client.get("/pages", params={"skip": 1_000_000}, headers=PAGE).text
    legends = asked(q="LEGEND OF")
    assert legends["found"] >= 1
    assert all("legend of" in p["page_display"].lower() for p in legends["pages"])
    assert asked(q="100%_\\")["found"] == 0
    sports = asked(category="sports")
    assert {p["category"] for p in sports["pages"]} == {"Sports"}
    assert shared.client.get("/pages.json", params={"category": "None such"}).status_code == 422
    page = shared.client.get("/pages", params={"by": "views"}, headers=PAGE).text
    assert page.count("<tr>") == 101


def test_a_page_has_its_days_its_scores_and_what_they_are_made_of(shared):
    page = shared.client.get("/page.json", params={"title": "Legend of Gatanor"}).json()
    assert (page["page"], len(page["series"])) == ("Legend_of_Gatanor", 10)
    assert page["scores"]["surprise"] > 0
    text = shared.client.get("/page", params={"title": "Legend_of_Gatanor"}, headers=PAGE).text
    assert 'href="https://en.wikipedia.org/wiki/Legend_of_Gatanor"' in text
    assert "How the score is computed" in text
    lines = shared.client.get("/page.csv", params={"title": "Legend_of_Gatanor"}).text.splitlines()
    assert lines[0] == "page,date,views,rank"
    assert len(lines) == 11
    missing = shared.client.get("/page.json", params={"title": "Legend_of_Gat"})
    assert (missing.status_code, missing.json()["error"]) == (404, "PAGE_NOT_LISTED")
    assert "Legend of Gatanor" in missing.json()["fix"]


def test_categories_add_up(shared):
    rows = shared.client.get("/categories.json").json()["categories"]
    assert sum(category["share_pct"] for category in rows) == pytest.approx(100)
    sports = shared.client.get("/category.json", params={"name": "sports"}).json()
    assert sports["views"] == sum(day["views"] for day in sports["days"])
    assert shared.client.get("/category", params={"name": "Nothing"}, headers=PAGE).status_code == 404


def test_what_was_left_out_says_why(shared):
    left_out = shared.client.get("/left-out.json").json()
    assert left_out["day"] == "2025-11-09"
    assert sum(left_out["by_reason"].values()) == len(left_out["rows"])
    assert "main_page" in left_out["by_reason"]
    absent = shared.client.get("/left-out.json", params={"day": "2025-01-01"})
    assert (absent.status_code, absent.json()["error"]) == (404, "NO_SUCH_DAY")


def test_what_is_unchanged_is_not_sent_again(shared):
    for path in ("/", "/overview.json", "/pages.csv", "/completeness", "/feed.atom", "/runs.json"):
        first = shared.client.get(path, headers=PAGE)
        assert first.headers["cache-control"] == "private, no-cache"
        again = shared.client.get(path, headers={**PAGE, "If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), path
        other = shared.client.get(path, headers={**PAGE, "If-None-Match": 'W/"other", "another"'})
        assert other.status_code == 200
    gzipped = shared.client.get("/overview.json", headers={"Accept-Encoding": "gzip"})
    assert gzipped.headers["content-encoding"] == "gzip"
    assert (
        gzipped.json() == shared.client.get("/overview.json", headers={"Accept-Encoding": "identity"}).json()
    )


def test_a_new_publish_is_shown_and_the_old_one_until_then(demo_copy, tmp_path):
    settings = settings_of(demo_copy)
    with serving(settings) as dashboard:
        before = dashboard.client.get("/overview.json")
        other = tmp_path / "other"
        published(other, [[row("Only_page", 5)]])
        new = demo_copy / "new.duckdb"
        shutil.copy(other / "warehouse.duckdb", new)
        new.replace(demo_copy / "warehouse.duckdb")

        def changed():
            now = dashboard.client.get("/overview.json")
            assert now.status_code == 200
            return now if now.headers["etag"] != before.headers["etag"] else None

        assert eventually(changed).json()["run"]["window_end"] == "2025-11-05"


def test_the_feed_is_atom_with_the_days_risers(shared):
    answer = shared.client.get("/feed.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    name = {"a": "http://www.w3.org/2005/Atom"}
    feed = ET.fromstring(answer.content)
    entries = feed.findall("a:entry", name)
    assert 1 <= len(entries) <= 10
    ids = [entry.findtext("a:id", None, name) for entry in entries]
    assert len(set(ids)) == len(ids)
    for entry in entries:
        for part in ("id", "title", "updated"):
            assert entry.findtext(f"a:{part}", None, name), part
        links = {link.get("rel"): link.get("href") for link in entry.findall("a:link", name)}
        assert links["alternate"].startswith(f"{shared.url}/page?title=")
        assert shared.client.get(links["alternate"], headers=PAGE).status_code == 200
        dt.datetime.fromisoformat(entry.findtext("a:updated", "", name))
    assert feed.find("a:link[@rel='self']", name).get("href") == f"{shared.url}/feed.atom"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_titles_are_text_in_feed_json_and_csv(hostile, name):
    title = HOSTILE[name]
    page = hostile.client.get("/page.json", params={"title": title})
    assert (page.status_code, page.json()["page"]) == (200, title)
    for path in ("/pages.csv", "/overview.csv"):
        rows = list(csv.reader(io.StringIO(hostile.client.get(path).text)))
        cells = [cell for cells in rows for cell in cells]
        assert not [
            c for c in cells if c.startswith(("=", "@", "+")) or (c.startswith("-") and not _number(c))
        ]
    assert any(
        title in cell
        for cells in csv.reader(io.StringIO(hostile.client.get("/pages.csv").text))
        for cell in cells
    )
    feed = ET.fromstring(hostile.client.get("/feed.atom").content)
    hrefs = [link.get("href") for link in feed.iter("{http://www.w3.org/2005/Atom}link")]
    assert all(href.startswith(("http://", "https://")) for href in hrefs)
    assert "\u202e" not in ET.tostring(feed, encoding="unicode")


def _number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t=", "\r", " =", "\u00a0=", "\ufeff=", "\u202e=", "＝", "\n="]
)
def test_no_cell_of_a_csv_is_a_formula(start):
    text = f"{start}1+1"
    cell = next(csv.reader(io.StringIO(csv_text(["x"], [[text]]).split("\r\n", 1)[1], newline="")))[0]
    assert cell == f"'{text}"
    assert csv_text(["x"], [[-5, 1.5, None, "plain"]]) == "x\r\n-5,1.5,,plain\r\n"


def test_an_empty_warehouse_has_its_page(tmp_path):
    with serving(settings_of(tmp_path)) as dashboard:
        page = dashboard.client.get("/", headers=PAGE)
        assert (page.status_code, "Nothing has been published yet" in page.text) == (200, True)
        assert "wiki-trends run" in page.text
        data = dashboard.client.get("/overview.json")
        assert (data.status_code, data.json()["error"]) == (404, "NOTHING_PUBLISHED")
        for path in ("/pages", "/categories", "/page?title=X"):
            assert "Nothing has been published yet" in dashboard.client.get(path, headers=PAGE).text
        assert dashboard.client.get("/feed.atom").status_code == 404
        assert dashboard.client.get("/completeness.json").json()["coverage_pct"] == 0.0


def test_a_warehouse_of_a_newer_version_has_its_page(demo_copy):
    with duckdb.connect(demo_copy / "warehouse.duckdb") as connection:
        connection.execute("UPDATE wiki_trends_runs SET schema_version = 99")
    with serving(settings_of(demo_copy)) as dashboard:
        page = dashboard.client.get("/", headers=PAGE)
        assert page.status_code == 503
        assert "newer version" in page.text
        assert "Update wiki-trends" in page.text
        assert "Traceback" not in page.text
        assert str(demo_copy) not in page.text
        assert dashboard.client.get("/overview.json").json()["error"] == "WAREHOUSE"
        assert dashboard.client.get("/completeness.json").status_code == 200


def test_a_warehouse_that_is_none_has_its_page(demo_copy):
    (demo_copy / "warehouse.duckdb").write_text("no database")
    with serving(settings_of(demo_copy)) as dashboard:
        page = dashboard.client.get("/pages", headers=PAGE)
        assert (page.status_code, "not a DuckDB database" in page.text) == (503, True)


def test_a_lake_that_does_not_answer_has_its_page_and_the_report_stays(demo_folder, monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-lake",
        "AWS_REGION": "x",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    settings = settings_of(demo_folder, lake="s3://{layer}", lake_timeout=0.5, lake_retries=0)
    with serving(settings) as dashboard:
        page = dashboard.client.get("/completeness", headers=PAGE)
        assert page.status_code == 503
        assert "The lake cannot be read" in page.text
        assert "Traceback" not in page.text
        assert "secret-of-the-lake" not in page.text
        assert dashboard.client.get("/completeness.json").json()["error"] == "LAKE"
        overview = dashboard.client.get("/", headers=PAGE)
        assert overview.status_code == 200
        assert "The lake cannot be read" in overview.text
        assert "Legend of Gatanor" in overview.text
        started = dashboard.client.post("/backfill", params={"day": "2025-11-07"}, headers=dashboard.bearer)
        assert (started.status_code, started.json()["error"]) == (503, "LAKE")


def test_what_nobody_foresaw_is_an_answer_and_a_line_in_the_log(demo_settings, monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("secret of the machine")

    # Make the rendering of a page fail, as after a fault in the code of the dashboard.
    monkeypatch.setattr("wiki_trends.report.calendar.calendar", broken)
    with serving(demo_settings) as dashboard:
        page = dashboard.client.get("/completeness", headers=PAGE)
        assert (page.status_code, "Unexpected error" in page.text) == (500, True)
        assert "secret of the machine" not in page.text
        assert "content-security-policy" in page.headers
    assert "secret of the machine" in caplog.text


def test_a_finding_about_a_page_with_the_name_of_a_category_links_to_the_page(tmp_path):
    usual = [row("Sports", 5), row("B", 3, 2, category="Sports")]
    peak = [row("Sports", 500), row("B", 3, 2, category="Sports")]
    with serving(published(tmp_path, [usual, usual, peak])) as dashboard:
        report = dashboard.client.get("/overview.json").json()
        assert report["headline"][0].startswith("Sports peaked")
        assert "Sports" in [category["category"] for category in report["categories"]]
        findings = dashboard.client.get("/", headers=PAGE).text.partition('class="findings"')[2]
        assert re.search(r'href="([^"]+)"', findings)[1] == "/page?title=Sports"


def test_a_window_with_gaps_says_so_first(tmp_path):
    day = [row("A", 5), row("B", 3, 2)]
    with serving(published(tmp_path, [day, [], day, [], day], Policy(min_coverage=60.0), 5)) as dashboard:
        page = dashboard.client.get("/", headers=PAGE).text
        notice = page.index("This window has gaps: coverage 60.0 %.")
        assert notice < page.index('class="findings"')
        assert "Thu 6 Nov 2025" in page[notice : notice + 2000]


def test_a_day_that_nobody_can_have_is_bad_input(shared):
    for day in ("2015-06-30", "2025-11-13", "9999-12-31"):
        answer = shared.client.get("/day.json", params={"day": day})
        assert (answer.status_code, answer.json()["error"]) == (422, "BAD_VALUE"), day
    assert shared.client.get("/completeness.json", params={"days": 0}).status_code == 422
    both = shared.client.get(
        "/completeness.json", params={"days": 3, "start": "2025-11-01", "end": "2025-11-03"}
    )
    assert both.status_code == 422


def test_the_dashboard_reads_postgresql(postgres_url, tmp_path):
    day = [row("A", 5), row("B", 3, 2)]
    dataset = diamond_in(f"{tmp_path}/lake")
    for offset in range(3):
        write_day(dataset, offset, day)
    settings = settings_of(tmp_path, warehouse=postgres_url)
    with serving(settings) as dashboard:
        assert dashboard.client.get("/overview.json").json()["error"] == "NOTHING_PUBLISHED"
        analyze(dataset, check(dataset, window_of(3)), open_warehouse(postgres_url))
        eventually(lambda: dashboard.client.get("/overview.json").status_code == 200)
        for path in ("/", "/pages?q=a", "/page?title=A", "/categories", "/category?name=Other", "/feed.atom"):
            assert dashboard.client.get(path, headers=PAGE).status_code == 200, path
    connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'wiki-trends'"
    with psycopg.connect(postgres_url) as connection:
        connection.autocommit = True
        assert eventually(lambda: connection.execute(connections).fetchall() == [(0,)])

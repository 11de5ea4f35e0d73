"""Test the commands `receipt` and `verify`."""

import datetime as dt

import duckdb
import polars as pl
import pytest

from smart_orchestrator.committing.writer import write_frame
from testing.window_data import TYPES, ranked
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load

WINDOW = ("--start", "2025-11-05", "--end", "2025-11-07", "--as-of", "2025-11-12")
LATER = ("--start", "2025-11-06", "--end", "2025-11-08", "--as-of", "2025-11-12")
DAYS = ("2025-11-03", "2025-11-04", "2025-11-05", "2025-11-06", "2025-11-07", "2025-11-08")


@pytest.fixture(params=["duckdb", "postgresql"])
def published(place, request, monkeypatch):
    """A place with one published window of three days, and a baseline of two days."""
    if request.param == "postgresql":
        monkeypatch.setenv("WIKI_TRENDS_WAREHOUSE", request.getfixturevalue("postgres_url"))
    place.write_days(*DAYS)
    assert place.run("analyze", *WINDOW).code == 0
    return place


def part_of(place, day):
    """Return the path of the part of a day."""
    folder = layers(load()).diamond.key(dt.date.fromisoformat(day))
    (part,) = (
        path for path in place.folder.rglob("part-*") if folder in str(path) and "diamond" in str(path)
    )
    return part


def change_byte(path, position):
    """Change one byte of a file."""
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def change_row(sql):
    """Change a row of the DuckDB warehouse or of the PostgreSQL warehouse of the settings."""
    url = load().warehouse
    if url.startswith("postgres"):
        import psycopg

        with psycopg.connect(url) as connection:
            connection.execute(sql)
    else:
        with duckdb.connect(url.removeprefix("duckdb:///")) as connection:
            connection.execute(sql)


@pytest.mark.slow
def test_an_unchanged_window_is_reproduced_in_every_table(published):
    ran = published.run("verify", "--json")
    assert (ran.code, ran.json["equal"], ran.json["changed"]) == (0, True, {})
    receipt = published.run("receipt", "--json").json
    assert ran.json["differing_rows"] == dict.fromkeys(receipt["rows"], 0)
    assert len(receipt["rows"]) == 8
    # The newest window can also be named.
    named = published.run("verify", "2025-11-05..2025-11-07", "--json")
    assert (named.code, named.json) == (0, ran.json)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0, 0.5, 1])
@pytest.mark.parametrize("day", ["2025-11-03", "2025-11-06"])
def test_a_changed_byte_of_the_window_or_the_baseline_is_found(published, day, share):
    part = part_of(published, day)
    change_byte(part, int(share * (part.stat().st_size - 1)))
    ran = published.run("verify", "--json")
    assert (ran.code, list(ran.json["changed"]), ran.json["equal"]) == (1, [day], False)
    assert f"  {day}: " in published.run("verify").out


def test_a_changed_byte_of_a_manifest_is_found(published):
    marker = part_of(published, "2025-11-06").with_name("_SUCCESS")
    change_byte(marker, marker.read_bytes().index(b'"run_id"') + 12)
    ran = published.run("verify", "--json")
    assert (ran.code, list(ran.json["changed"])) == (1, ["2025-11-06"])


def test_a_day_that_is_gone_or_rewritten_is_named(published):
    published.write_days("2025-11-05", pages=4)
    for path in part_of(published, "2025-11-06").parent.iterdir():
        path.unlink()
    ran = published.run("verify", "--json")
    assert ran.code == 1
    assert ran.json["changed"]["2025-11-05"] == "its data have changed"
    assert ran.json["changed"]["2025-11-06"].startswith("MISSING")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "sql"),
    [
        ("wiki_trends_growth", "UPDATE wiki_trends_growth SET views_change_pct = 7 WHERE page = 'Page_1'"),
        ("wiki_diamond", "DELETE FROM wiki_diamond WHERE page = 'Page_1' AND date = '2025-11-03'"),
        ("wiki_trends_scores", "UPDATE wiki_trends_scores SET views = views + 1 WHERE page = 'Page_1'"),
        (
            "wiki_trends_categories",
            "INSERT INTO wiki_trends_categories SELECT * FROM wiki_trends_categories",
        ),
    ],
)
def test_a_changed_row_of_the_warehouse_is_found(published, table, sql):
    if table == "wiki_trends_categories" and load().warehouse.startswith("postgres"):
        sql = "UPDATE wiki_trends_categories SET category = 'Changed'"
    change_row(sql)
    ran = published.run("verify", "--json")
    assert ran.code == 1
    assert [name for name, count in ran.json["differing_rows"].items() if count] == [table]
    assert f"  {table}: " in published.run("verify").out


@pytest.mark.slow
def test_the_scores_of_an_earlier_window_are_verified(published):
    assert published.run("analyze", *LATER).code == 0
    ran = published.run("verify", "2025-11-05..2025-11-07", "--json")
    assert (ran.code, ran.json["differing_rows"]) == (0, {"wiki_trends_scores": 0})
    change_row(
        "UPDATE wiki_trends_scores SET views = 1 WHERE window_start = '2025-11-05' AND page = 'Page_1'"
    )
    assert published.run("verify", "2025-11-05..2025-11-07", "--json").json["differing_rows"] == {
        "wiki_trends_scores": 1
    }
    assert published.run("verify").code == 0


def test_a_day_that_was_filled_in_later_is_not_read(published):
    published.write_days("2025-11-02")
    assert published.run("verify").code == 0


def test_the_tables_of_another_project_are_not_compared(published):
    receipt = published.run("receipt", "--project", "fr.wikipedia")
    assert (receipt.code, receipt.out) == (2, "")
    assert "is not the published project" in receipt.err
    ran = published.run("verify", "--project", "fr.wikipedia")
    assert ran.code == 2
    assert "is not the published project" in ran.err


def test_the_html_report_names_the_receipt_of_its_window(place):
    place.write_days(*DAYS)
    assert place.run("analyze", *WINDOW).code == 0
    path = place.folder / "report.html"
    assert place.run("report", "--html", str(path)).code == 0
    assert "<code>wiki-trends receipt 2025-11-05..2025-11-07</code>" in path.read_text()


def test_a_receipt_has_what_was_read_checked_and_decided(published):
    document = published.run("receipt", "2025-11-05..2025-11-07", "--json").json
    assert document["window"] == {"start": "2025-11-05", "end": "2025-11-07"}
    assert list(document["days"]) == ["2025-11-05", "2025-11-06", "2025-11-07"]
    assert list(document["baseline"]) == ["2025-11-03", "2025-11-04"]
    assert {day["code"] for day in document["days"].values()} == {"OK"}
    assert document["policy"]["min_coverage"] == 100.0
    text = published.run("receipt").out
    for value in (document["version"], *(day["fingerprint"] for day in document["days"].values())):
        assert value in text


@pytest.mark.parametrize("command", ["receipt", "verify"])
def test_a_window_that_was_not_published_is_refused(published, command):
    ran = published.run(command, "2025-11-01..2025-11-02")
    assert (ran.code, "was not published for" in ran.err) == (2, True)
    assert published.run(command, "2025-11-01").code == 2


def test_a_receipt_names_the_reason_and_the_author_of_a_waiver(place):
    place.write_days("2025-11-05", "2025-11-07")
    assert place.run("waive", "2025-11-06", "--reason", "outage upstream", "--by", "Ada").code == 0
    assert place.run("analyze", *WINDOW).code == 0
    day = place.run("receipt", "--json").json["days"]["2025-11-06"]
    assert (day["code"], day["reason"], day["waived_by"]) == ("WAIVED", "outage upstream", "Ada")
    assert day["fingerprint"] is None
    assert "WAIVED: outage upstream (waived by Ada)" in place.run("receipt").out
    assert place.run("verify").code == 0


def test_a_window_is_verified_by_the_rules_that_it_was_published_with(place, monkeypatch):
    renames = {"Old_name": "New_name"}
    monkeypatch.setattr("wiki_trends.jobs.history.read_renamed_pages", lambda _settings: dict(renames))
    dataset = layers(load()).diamond
    for offset, day in enumerate(("2025-11-05", "2025-11-06", "2025-11-07", "2025-11-08")):
        renamed_page = "Old_name" if offset < 2 else "New_name"
        views = {"Flat_crawl": 1000 + offset, "News": 900 - 200 * offset, renamed_page: 100}
        suspect = [{"page": page, "views": views[page]} for page in ("Flat_crawl", "News")]
        frame = pl.DataFrame(ranked(views), schema=TYPES)
        write_frame(dataset, dt.date.fromisoformat(day), frame, measured={"suspect": suspect})
    assert (
        place.run("analyze", "--start", "2025-11-05", "--end", "2025-11-08", "--as-of", "2025-11-12").code
        == 0
    )
    # The lake may know other titles by now.
    renames.clear()
    receipt = place.run("receipt", "--json").json
    assert (receipt["left_out"], receipt["flagged"]) == (["Flat_crawl"], ["News"])
    assert receipt["renamed"] == {"Old_name": "New_name"}
    text = place.run("receipt").out
    assert "left out, probably read by programs: Flat_crawl" in text
    assert "renamed: Old_name → New_name" in text
    ran = place.run("verify", "--json")
    assert (ran.code, ran.json["equal"]) == (0, True), ran.out

"""The targets that `wiki-trends report --html` writes to, and those that it refuses."""

import pytest

from testing.window_data import FIRST_DAY

WINDOW = ("--start", "2025-11-05", "--end", "2025-11-06", "--as-of", "2025-11-12")


@pytest.fixture
def published(place):
    place.write_days("2025-11-05", "2025-11-06")
    assert place.run("analyze", *WINDOW).code == 0
    return place


def test_the_file_is_named_with_its_size_and_stdout_stays_empty(published):
    ran = published.run("report", "--html", "report.html")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("report.html: 0.")
    text = (published.folder / "report.html").read_text(encoding="utf-8")
    assert text.lstrip().startswith("<!doctype html>")
    assert "5 to 6\u00a0November\u00a02025" in text
    assert str(published.folder) not in text
    assert FIRST_DAY.isoformat() in text


def test_json_says_what_was_written(published):
    document = published.run("report", "--html", "report.html", "--json").json
    assert document["file"] == "report.html"
    assert document["bytes"] == (published.folder / "report.html").stat().st_size


def test_a_report_is_replaced_by_the_next_one(published):
    for _ in range(2):
        assert published.run("report", "--html", "report.html").code == 0
    assert [name for name in published.all_paths() if "report" in name] == ["report.html"]


def test_what_is_no_report_stays_unless_forced(published):
    target = published.folder / "mine.html"
    target.write_text("<!doctype html><p>mine</p>")
    ran = published.run("report", "--html", "mine.html")
    assert (ran.code, target.read_text()) == (2, "<!doctype html><p>mine</p>")
    assert "exists already and is not a report. Name another file, or give --force" in ran.err
    assert published.run("report", "--html", "mine.html", "--force").code == 0
    assert "wiki-trends" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("none/report.html", "is in none, which is not a folder. Make the folder"),
        (".", "is a folder. Name a file in it"),
    ],
)
def test_a_target_that_cannot_be_meant_is_told_with_the_fix(published, target, told):
    ran = published.run("report", "--html", target)
    assert ran.code == 2
    assert told in ran.err


def test_a_folder_that_refuses_leaves_what_was_there(published, monkeypatch):
    import errno
    import os

    assert published.run("report", "--html", "report.html").code == 0
    before = (published.folder / "report.html").read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # Root may write anywhere, so the test simulates a full disk.
    monkeypatch.setattr("wiki_trends.queries.output_file.os.fsync", full)
    ran = published.run("report", "--html", "report.html")
    assert ran.code != 0
    assert "report.html cannot be written: No space left on device" in ran.err
    assert (published.folder / "report.html").read_bytes() == before
    assert [name for name in published.all_paths() if name.endswith(".part")] == []


def test_nothing_published_is_told_and_no_file_is_made(place):
    ran = place.run("report", "--html", "report.html")
    assert ran.code != 0
    assert "nothing has been published yet" in ran.err
    assert place.all_paths() == []


def test_a_lake_that_is_gone_leaves_a_report_that_says_so(published, monkeypatch):
    for name, value in (
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "nobody"),
        ("AWS_SECRET_ACCESS_KEY", "nothing"),
        ("WIKI_TRENDS_LAKE_TIMEOUT", "0.5"),
        ("WIKI_TRENDS_LAKE_RETRIES", "0"),
    ):
        monkeypatch.setenv(name, value)
    ran = published.run("report", "--html", "report.html", "--lake", "s3://secret-{layer}")
    assert ran.code == 0
    assert "not compared with the lake: Lake s3://secret-diamond" in ran.err
    assert "the titles that were left out are not known: Lake s3://secret-" in ran.err
    text = (published.folder / "report.html").read_text(encoding="utf-8")
    assert "the lake could not be read when this file was written" in text
    assert "secret-" not in text
    assert "What Wikipedia read" in text


def test_days_that_changed_since_are_told(published):
    published.write_days("2025-11-06", pages=5)
    assert published.run("report", "--html", "report.html").code == 0
    text = (published.folder / "report.html").read_text(encoding="utf-8")
    assert "The lake has changed since." in text
    assert "Thu 6 Nov 2025: its data have changed" in text

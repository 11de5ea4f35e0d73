"""Locations and secrets of the installation are on no page and in no document."""

from __future__ import annotations

import html
import shutil
from urllib.parse import quote

import pytest

from smart_orchestrator.errors import LakeError, RunsError
from smart_orchestrator.model.run import Failure, Run, RunState
from testing.dashboard import PAGE, PATHS, START, TOKEN, published, serving, settings_of
from testing.window_data import row
from wiki_trends.web.public_text import HIDDEN_IN_LOG, PublicText


@pytest.mark.parametrize("path", PATHS)
def test_no_answer_names_a_path_or_the_token(shared, demo_folder, path):
    text = shared.client.get(path, headers=PAGE).text
    assert str(demo_folder) not in text
    assert "/tmp/" not in text
    assert TOKEN not in text


def test_paths_are_taken_out_of_sentences_and_addresses_are_not(tmp_path):
    place = tmp_path / "my data"
    public = PublicText(settings_of(place, lake=f"{place}/lake/{{layer}}", state=f"{place}/state"))
    for text in (
        f"{place}/lake/diamond/x_2025.csv/part-0.csv cannot be read",
        f"the lock {place}/state/locks/a.lock is held",
        f"duckdb:///{place}/warehouse.duckdb: x",
        f"file://{place}/lake/gold: x",
        "the file '/usr/lib/python3/x.py' and (/etc/passwd)",
        "file:///mnt/elsewhere",
    ):
        assert public.clean(text) == HIDDEN_IN_LOG
        assert public.clean(text, replacement="see there") == "see there"
    full = LakeError(f"{place}/lake/diamond", "no space is left", "Free some.")
    assert public.clean(str(full)) == "Lake: no space is left. Free some."
    for text in (
        "https://en.wikipedia.org/wiki/A/B and 3/4 of it",
        "the pages /r/science and AC/DC",
        "Lake s3://bucket/diamond: no answer. Check the network.",
        "s3://bucket/diamond/x.csv",
        "diamond_final_2025_11_05.csv/part-00000.csv has no column page",
    ):
        assert public.clean(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pass-of-a-user@w.example/api?x=1", "https://***@w.example/api?x=1"),
        ("postgresql://me:pass-of-a-user@db/x: no answer", "postgresql://***@db/x: no answer"),
        ("s3://key@bucket/x", "s3://***@bucket/x"),
        ("a token-of-wikimedia in it", "a *** in it"),
        (
            "https://en.wikipedia.org/wiki/@x and me@example.org",
            "https://en.wikipedia.org/wiki/@x and me@example.org",
        ),
    ],
)
def test_secrets_are_taken_out_of_texts(tmp_path, text, shown):
    assert PublicText(settings_of(tmp_path, token="token-of-wikimedia")).clean(text) == shown


SECRET = "hunter2-of-the-proxy"


class FailingRunner:
    """A runner whose run of each day has failed with a message that contains a password."""

    def latest(self, days):
        message = f"No answer from https://me:{SECRET}@wikimedia.example/api; {SECRET} was refused, {quote(SECRET)}."
        return {
            day: Run(
                f"{day}.1",
                day,
                1,
                RunState.FAILED,
                failure=Failure.ERROR,
                message=message,
                url=f"http://u:{SECRET}@a/",
            )
            for day in days
        }

    poll_seconds, in_process, capacity = 0.1, False, None

    def start(self, day):
        raise RunsError(
            f"https://me:{SECRET}@airflow.example",
            f"{SECRET} is not accepted for {day}",
            f"Correct {SECRET}.",
        )

    def poll(self, runs):
        return list(runs)


def test_no_page_or_document_shows_a_password(demo_copy, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    shutil.rmtree(demo_copy / "lake/diamond/diamond_final_2025_11_07.csv")
    settings = settings_of(demo_copy, wikimedia_url=f"https://me:{SECRET}@wikimedia.example/api")
    with serving(settings, runs=FailingRunner()) as dashboard:
        dashboard.client.post("/backfill", **START, headers=dashboard.bearer)
        seen = ""
        for path in (
            *PATHS,
            "/day.json?day=2025-11-07",
            "/completeness.json",
            "/runs.csv",
            "/health",
            "/day.csv?day=2025-11-07",
        ):
            for accept in ("text/html", "application/json"):
                seen += dashboard.client.get(path, headers={"Accept": accept}).text
    assert SECRET not in seen
    assert "No answer from https://***@wikimedia.example/api" in html.unescape(seen)


def test_a_link_of_a_page_that_leaves_the_project_is_not_one(tmp_path):
    links = {
        "Good": "https://en.wikipedia.org/wiki/Good",
        "User": "https://en.wikipedia.org@evil.example/",
        "Host": "https://evil.example/en.wikipedia.org",
        "Suffix": "https://en.wikipedia.org.evil.example/wiki/A",
        "Other": "https://de.wikipedia.org/wiki/A",
    }
    day = [row(page, 1000 - at, at + 1, link=link) for at, (page, link) in enumerate(links.items())]
    later = [{**record, "views": record["views"] * 20} for record in day]
    with serving(published(tmp_path, [day, day, later])) as dashboard:
        pages = {
            page: dashboard.client.get("/page", params={"title": page}, headers=PAGE).text for page in links
        }
        feed = dashboard.client.get("/feed.atom").text
    assert f'href="{links["Good"]}"' in pages["Good"]
    for page in ("User", "Host", "Suffix", "Other"):
        assert f'href="{links[page]}' not in pages[page], page
    assert "evil.example" not in feed

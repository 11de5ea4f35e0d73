"""A day that Wikimedia restates is found, run once, and computed again in exactly the windows that read it."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter

import pytest

from smart_orchestrator.adapters.manifest import inspect
from smart_orchestrator.model.window import today_utc
from testing.dashboard import PAGE, serving
from testing.message_receiver import Receiver
from testing.scripted_server import ScriptedServer
from testing.small_wiki import SmallWiki, listing
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load
from wiki_trends.jobs.publish_state import recompute_stale_windows
from wiki_trends.pipeline import run_day
from wiki_trends.pipeline.lists.bronze import commit_list, read_list
from wiki_trends.warehouse import open_warehouse
from wiki_trends.wikimedia import WikimediaClient

pytestmark = pytest.mark.usefixtures("same_day")
PAGES = 40
SHORT = range(3, 13)


def ago(days):
    return today_utc() - dt.timedelta(days=days)


def rows_of(day):
    """Return the rows of a day's list: the views of each page differ from day to day."""
    views = [100_000 - 2_000 * number - day.toordinal() % 7 * 10 for number in range(PAGES)]
    return [(f"Page_{number}", count, number + 1) for number, count in enumerate(views)]


def body_of(day, rows):
    return listing(rows, day, access="desktop")


def restated(day):
    """Return the rows of a day after a restatement: 31 pages with fewer views, and the fourth page on rank 9."""
    rows = [
        (title, views - 7_000 if number < 31 else views)
        for number, (title, views, _) in enumerate(rows_of(day))
    ]
    fourth = next(row for row in rows if row[0] == "Page_3")
    rows.remove(fourth)
    rows.insert(8, fourth)
    return [(title, views, place) for place, (title, views) in enumerate(rows, 1)]


class History:
    """A lake whose days were fetched when they landed, three days after each day, and a wiki that can restate them."""

    def __init__(self, place, monkeypatch, wiki, server):
        self.place, self.wiki, self.server, self.monkeypatch = place, wiki, server, monkeypatch
        for name, value in {
            "WIKIMEDIA_URL": f"{server.url}/api/rest_v1",
            "MEDIAWIKI_URL": f"{server.url}/{{project}}/w/api.php",
            "RATE_PER_MINUTE": "1000000",
            "ACCESS": "desktop",
            "HISTORY": "off",
        }.items():
            monkeypatch.setenv(f"WIKI_TRENDS_{name}", value)
        self.settings = load()
        self.dataset = layers(self.settings).diamond

    def fill(self, days):
        with WikimediaClient(self.settings) as client:
            for number in days:
                day = ago(number)
                self.wiki.lists_by_access["desktop", day] = body_of(day, rows_of(day))
                run_day(day, self.settings, client=client)
                self.was_fetched(day, dt.datetime.combine(day, dt.time(2), dt.UTC) + dt.timedelta(days=3))

    def was_fetched(self, day, moment):
        """Let the lake have fetched the list of a day at another time."""
        body = self.wiki.lists_by_access["desktop", day]
        rows = read_list(day, self.settings, "desktop")
        commit_list(
            day, self.settings, "desktop", body, rows, {"fetched_at": moment.isoformat(), "lists": []}
        )

    def restate(self, day, rows=None, recheck="1"):
        """Let the wiki change the list of a day, and switch the rechecks on."""
        self.wiki.lists_by_access["desktop", day] = body_of(day, rows or restated(day))
        self.monkeypatch.setenv("WIKI_TRENDS_RECHECK", recheck)
        self.settings = load()

    def lists(self):
        """Return the number of requests for the list of each day so far."""
        paths = [request.path for request in self.server.requests if "/top/" in request.path]
        return Counter("-".join(path.split("/")[-3:]) for path in paths)

    def run(self, days=7):
        return self.place.run("run", "--days", str(days), "--json")

    def fingerprint(self, day):
        return inspect(self.dataset, day).fingerprint

    def query(self, sql):
        with open_warehouse(self.settings.warehouse).reading() as reader:
            return reader.rows(sql)

    def windows(self):
        """Return the scores of each published window, by the number of days from its start until today."""
        scores = {}
        for row in self.query("SELECT * FROM wiki_trends_scores ORDER BY window_start, page"):
            scores.setdefault((today_utc() - row["window_start"]).days, []).append(row)
        return scores


@pytest.fixture
def history(place, monkeypatch):
    wiki = SmallWiki()
    with ScriptedServer(wiki) as server:
        yield History(place, monkeypatch, wiki, server)


@pytest.mark.long
def test_of_ninety_days_only_the_windows_that_read_the_restated_day_are_computed_again(history):
    history.fill(range(3, 93))
    starts = range(86, 8, -7)
    for start in starts:
        window = ("--start", ago(start).isoformat(), "--end", ago(start - 6).isoformat())
        assert history.place.run("analyze", *window).code == 0
    before, lists_before = history.windows(), history.lists()
    fingerprints = {day: history.fingerprint(ago(day)) for day in range(3, 93)}
    # One day is restated materially, and one only has its rows in another order.
    history.restate(ago(40), recheck="30")
    history.restate(ago(45), rows_of(ago(45))[::-1], recheck="30")

    ran = history.run()

    assert (ran.code, [run["day"] for run in ran.json["runs_started"]]) == (0, [ago(40).isoformat()])
    moved = f"{ago(40)}: 31 pages, −10.0 % views; rank of Page 3 4 → 9"
    assert [restatement["text"] for restatement in ran.json["restatements"]] == [moved]
    # The windows that contain the day, and those that have it in their baseline; the newest one is published as a whole.
    assert [window["start"] for window in ran.json["recomputed"]] == [
        ago(start).isoformat() for start in (44, 37, 30, 23, 16)
    ]
    after = history.windows()
    assert {start for start in starts if after[start] != before[start]} == {44, 37, 30, 23, 16, 9}
    assert {start: len(rows) for start, rows in after.items()} == dict.fromkeys(starts, PAGES)
    assert {row["stale"] for rows in after.values() for row in rows} == {False}
    changed = {day for day in range(3, 93) if history.fingerprint(ago(day)) != fingerprints[day]}
    assert changed == {40}
    assert history.query("SELECT count(*) AS runs FROM wiki_trends_runs WHERE recomputed")[0]["runs"] == 5
    # Each day was asked about once; the restated one was fetched once more.
    asked = history.lists() - lists_before
    cosmetic = history.place.run(
        "check", "--start", ago(45).isoformat(), "--end", ago(45).isoformat(), "--json"
    ).json
    assert [(item["change"], item["detail"]) for item in cosmetic["rechecks"]] == [
        ("cosmetic", "the order of the rows")
    ]
    assert max(asked.values()) == asked[ago(40).isoformat()] == 2
    assert asked[ago(45).isoformat()] == 1

    again = history.run()
    assert (again.json["unchanged"], again.json["recomputed"], again.json["runs_started"]) == (True, [], [])
    assert history.lists() - lists_before - asked == Counter()


@pytest.fixture
def short_history(history, filled_folder):
    """Ten days, of which the last five are published."""
    if filled_folder.exists():
        shutil.copytree(filled_folder, history.place.folder, dirs_exist_ok=True)
        for number in SHORT:
            history.wiki.lists_by_access["desktop", ago(number)] = body_of(ago(number), rows_of(ago(number)))
        return history
    history.fill(SHORT)
    assert history.run(5).json["restatements"] == []
    shutil.copytree(history.place.folder, filled_folder)
    return history


@pytest.fixture(scope="module")
def filled_folder(tmp_path_factory):
    """The folder of the first test with a short history, as it was before the test; the other tests copy it."""
    return tmp_path_factory.mktemp("filled") / "folder"


def test_an_identical_rewrite_computes_nothing_again(short_history):
    before, fingerprint = short_history.windows(), short_history.fingerprint(ago(5))

    assert short_history.place.run("fetch", ago(5).isoformat()).code == 0

    assert short_history.fingerprint(ago(5)) != fingerprint
    assert short_history.place.run("check", "--consumed").code == 0
    ran = short_history.run(5)
    assert (ran.json["unchanged"], ran.json["recomputed"], ran.json["restatements"]) == (True, [], [])
    assert short_history.windows() == before
    verified = short_history.place.run("verify", "--json").json
    assert verified["changed"] == {ago(5).isoformat(): "it was written again, with equal data"}


def test_ranks_within_the_bounds_are_cosmetic(short_history):
    day = ago(6)
    rows = rows_of(day)
    (last_but_one, views, _), (last, last_views, _) = rows[-2:]
    short_history.restate(day, [*rows[:-2], (last_but_one, views, PAGES), (last, last_views, PAGES - 1)])

    checked = short_history.place.run("check", "--start", day.isoformat(), "--end", day.isoformat(), "--json")

    (recheck,) = checked.json["rechecks"]
    assert (recheck["change"], recheck["detail"]) == (
        "cosmetic",
        "within the bounds, only ranks have changed",
    )
    assert checked.json["restated"] == []


@pytest.mark.slow
def test_a_restated_day_of_the_window_is_due_once_and_the_report_names_what_moved(short_history):
    day = ago(6)
    short_history.restate(day)

    checked = short_history.place.run("check", "--days", "5")
    assert checked.code == 0
    assert f"{day:%-d %B %Y}" in next(line for line in checked.out.splitlines() if "RESTATED" in line)
    assert "changes since the first fetch: " in checked.out
    assert ", 1 material" in checked.out or ": 1 material" in checked.out
    plan = short_history.place.run("plan", "--days", "5", "--json").json
    assert (plan["due"], plan["missing"]) == ([day.isoformat()], [])

    ran = short_history.place.run("run", "--days", "5")
    moved = f"{day}: 31 pages, −10.0 % views; rank of Page 3 4 → 9"
    assert f"restated: {moved}" in ran.err
    assert f"  {moved}" in ran.out
    assert short_history.place.run("plan", "--days", "5", "--json").json["due"] == []
    report = short_history.place.run("report", "--json").json
    assert [restatement["text"] for restatement in report["restatements"]] == [moved]
    versions = short_history.place.run("export", "wiki_trends_restatements", "--format", "json").json
    fourth = next(row for row in versions if row["page"] == "Page_3")
    assert (fourth["rank"], fourth["new_rank"], fourth["new_views"] - fourth["views"]) == (4, 9, -7_000)


@pytest.mark.slow
def test_the_report_in_html_and_the_dashboard_name_what_moved(short_history):
    day = ago(6)
    short_history.restate(day)
    assert short_history.run(5).code == 0
    moved = "31 pages, −10.0 % views; rank of Page 3 4 → 9"

    assert short_history.place.run("report", "--html", "report.html").code == 0
    assert f"{day}: {moved}" in (short_history.place.folder / "report.html").read_text()
    with serving(short_history.settings) as dashboard:
        page = dashboard.client.get("/", headers=dashboard.bearer | PAGE).text
        document = dashboard.client.get("/overview.json", headers=dashboard.bearer).json()
    assert moved in page
    assert [restatement["text"] for restatement in document["restatements"]] == [f"{day}: {moved}"]


@pytest.mark.slow
def test_a_run_that_leaves_the_same_data_is_not_due_for_ever(short_history):
    day = ago(6)
    short_history.restate(day)
    short_history.place.run("check", "--days", "5")
    # Until the run, Wikimedia has taken the restatement back.
    short_history.wiki.lists_by_access["desktop", day] = body_of(day, rows_of(day))

    ran = short_history.run(5)

    assert [run["day"] for run in ran.json["runs_started"]] == [day.isoformat()]
    assert (ran.json["unchanged"], ran.json["restatements"]) == (True, [])
    assert short_history.run(5).json["runs_started"] == []


@pytest.mark.slow
def test_a_restated_day_of_the_baseline_is_run_and_the_earlier_window_is_computed_again(short_history):
    day = ago(10)
    window = ("--start", ago(12).isoformat(), "--end", ago(10).isoformat())
    assert short_history.place.run("analyze", *window).code == 0
    assert short_history.run(5).code == 0
    short_history.restate(day)

    ran = short_history.run(5)

    assert [run["day"] for run in ran.json["runs_started"]] == [day.isoformat()]
    assert ran.json["filled"] == [day.isoformat()]
    assert ran.json["unchanged"] is False
    assert ran.json["recomputed"] == [{"start": ago(12).isoformat(), "end": day.isoformat()}]
    assert [restatement["date"] for restatement in ran.json["restatements"]] == [day.isoformat()]
    # The current tables are still those of the newest window.
    receipt = short_history.place.run("receipt", "--json").json
    assert receipt["window"]["start"] == ago(7).isoformat()
    assert short_history.place.run("verify").code == 0
    assert short_history.place.run("verify", f"{ago(12)}..{day}").code == 0


@pytest.mark.slow
def test_without_the_setting_nothing_is_asked_again(short_history):
    before = short_history.lists()
    short_history.restate(ago(6), recheck="")

    assert short_history.run(5).json["unchanged"] is True
    assert short_history.lists() == before


def test_a_day_that_was_fetched_after_the_age_is_not_asked_about(history):
    day = ago(6)
    history.restate(day, rows_of(day))
    with WikimediaClient(history.settings) as client:
        run_day(day, history.settings, client=client)
    before = history.lists()

    assert history.place.run("check", "--start", day.isoformat(), "--end", day.isoformat()).code == 0
    assert history.lists() == before


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")
def test_a_run_sends_one_message_about_a_restated_day(short_history, monkeypatch):
    day = ago(6)
    short_history.restate(day)
    with Receiver() as receiver:
        monkeypatch.setenv("WIKI_TRENDS_MESSAGES", receiver.url)
        monkeypatch.setenv("WIKI_TRENDS_MESSAGES_ON", "restated")
        for _ in range(2):
            assert short_history.run(5).code == 0

    [message] = receiver.received
    assert message["title"] == "diamond of en.wikipedia.desktop: 1 partition restated"
    assert message["message"].startswith(
        f"{day}: the upstream has changed it: rows: 0 new, 0 gone, 31 restated"
    )


@pytest.mark.slow
def test_a_list_that_is_gone_decides_nothing(short_history):
    short_history.restate(ago(6))
    del short_history.wiki.lists_by_access["desktop", ago(6)]

    assert short_history.place.run("check", "--days", "5", "--json").json["restated"] == []


@pytest.mark.slow
def test_a_stale_window_that_is_not_ready_any_more_stays_as_it_is(short_history, caplog):
    short_history.place.run("analyze", "--start", ago(12).isoformat(), "--end", ago(10).isoformat())
    short_history.place.run("analyze", "--days", "5")
    day = ago(10)
    short_history.restate(day)
    folder = short_history.place.folder / "data/lake/diamond/en.wikipedia.desktop"
    [gone] = folder.glob(f"diamond_final_{ago(12):%Y_%m_%d}*")
    for path in gone.iterdir():
        path.unlink()

    assert short_history.run(5).json["recomputed"] == []
    assert "is not ready any more" in caplog.text
    assert recompute_stale_windows(short_history.settings) == ()


@pytest.mark.slow
def test_the_step_of_a_scheduler_finds_the_restated_days(short_history):
    from wiki_trends.pipeline import run_step

    day = ago(6)
    short_history.restate(day)

    run_step("fetch_top_pages", ago(3), short_history.settings)

    checked = short_history.place.run("check", "--days", "5", "--json").json
    assert checked["restated"] == [day.isoformat()]


def test_the_setting_can_be_a_list_in_the_file(place):
    (place.folder / "wiki-trends.toml").write_text("recheck = [30, 1, 7, 2]\n")

    assert load().recheck_days == (1, 2, 7, 30)

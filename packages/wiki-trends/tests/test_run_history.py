"""`run` requests the history of likely risers between the check and the analysis, within its limits, and does without it."""

from __future__ import annotations

import datetime as dt
import shutil
import socket

import pytest

from testing.equal_tables import assert_same_tables
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load
from wiki_trends.warehouse import open_warehouse

TODAY = dt.date(2025, 11, 12)
AS_OF = ("--as-of", "2025-11-12")
COUNTS = "count(*) AS pages, max(reference_history) AS history, max(reference_days) AS days, count(burst) AS judged"


def rows_of(sql, url=None):
    with open_warehouse(url or load().warehouse).reading() as reader:
        return reader.rows(sql)


def last_run():
    with open_warehouse(load().warehouse).reading() as reader:
        return reader.last_run()


def history_requests(server, start=0):
    # The evidence asks for the views of the years before.
    paths = [path for _, path, _ in server.requests[start:]]
    return [path for path in paths if "prop=pageviews" in path or "/daily/2025" in path]


@pytest.mark.slow
def test_a_first_window_and_a_later_day_stay_within_their_requests(place, sample_api):
    server = sample_api(today=TODAY + dt.timedelta(days=1))
    ran = place.run("run", *AS_OF, "--json")
    assert ran.code == 0, ran.err
    assert len(server.requests) <= 24 * 5 + 150 + 50
    assert (
        rows_of("SELECT count(*) AS pieces FROM wiki_trends_evidence WHERE rule IS NOT NULL")[0]["pieces"] > 0
    )
    # 300 pages, five in each response.
    assert len(history_requests(server)) == 60
    history = ran.json["history"]
    assert (history["pages"], history["problem"], list(history["partitions"])) == (300, "", ["2025-11-09"])
    (scores,) = rows_of(f"SELECT {COUNTS} FROM wiki_trends_scores WHERE reference_history > 20")
    assert (scores["days"], scores["judged"]) == (28, scores["pages"])
    # Some candidates have fewer views before the window, because they are new.
    assert scores["pages"] > 250
    assert rows_of("SELECT count(DISTINCT page) AS pages FROM wiki_page_history")[0]["pages"] == 300
    assert last_run().history == history["partitions"]
    assert last_run().history_problem == ""
    assert place.run("receipt", "--json").json["history"] == history["partitions"]
    assert history["partitions"]["2025-11-09"] in place.run("receipt").out
    (part,) = place.folder.rglob("page_history_2025_11_09*/part-*")
    data = part.read_bytes()
    part.write_bytes(data[:-9] + b"0" + data[-8:])
    ran = place.run("verify", "--json")
    assert (ran.code, list(ran.json["changed"])) == (1, ["page history of 2025-11-09"])
    part.write_bytes(data)
    asked = len(server.requests)
    assert place.run("run", *AS_OF, "--json").json["unchanged"] is True
    assert len(server.requests) == asked
    ran = place.run("run", "--as-of", "2025-11-13", "--json")
    assert (ran.code, ran.json["runs_started"][0]["day"]) == (0, "2025-11-10")
    assert len(server.requests) - asked <= 12 + 10 + 30 + 50
    assert 0 < len(history_requests(server, asked)) <= 30
    assert list(ran.json["history"]["partitions"]) == ["2025-11-09", "2025-11-10"]
    assert ran.json["history"]["pages"] > 300


@pytest.mark.slow
def test_a_past_window_and_another_access_method_take_one_request_for_each_page(place, sample_api):
    server = sample_api(today=dt.date(2026, 6, 1))
    ran = place.run("run", *AS_OF, "--access", "desktop", "--json")
    assert ran.code == 0, ran.err
    requests = history_requests(server)
    assert len(requests) == 150
    assert all("/desktop/user/" in path for path in requests)
    assert ran.json["history"]["pages"] > 100
    assert len(server.requests) <= 24 * 5 + 150 + 50


@pytest.mark.slow
@pytest.mark.parametrize("how", ["option", "setting"])
def test_without_history_nothing_is_requested_and_nothing_is_used(filled, server, monkeypatch, how):
    assert filled.run("run", *AS_OF).code == 0
    before = len(history_requests(server))
    option = ["--no-history"] if how == "option" else []
    if how == "setting":
        monkeypatch.setenv("WIKI_TRENDS_HISTORY", "off")
    ran = filled.run("run", *AS_OF, *option, "--json")
    assert (ran.code, ran.json["unchanged"]) == (0, False)
    assert len(history_requests(server)) == before
    assert ran.json["history"] == {"partitions": {}, "pages": 0, "problem": ""}
    assert last_run().history == {}
    assert rows_of("SELECT max(reference_history) AS most FROM wiki_trends_scores") == [{"most": 0}]
    assert filled.run("analyze", *AS_OF, *option).code == 0
    assert last_run().history == {}


@pytest.mark.slow
def test_analyze_uses_the_history_of_the_lake_and_requests_none(filled, server):
    assert filled.run("run", *AS_OF).code == 0
    asked, fingerprints = len(server.requests), last_run().history
    assert filled.run("analyze", *AS_OF).code == 0
    assert len(server.requests) == asked
    assert (last_run().history, list(fingerprints)) == (fingerprints, ["2025-11-09"])


@pytest.mark.slow
@pytest.mark.parametrize("before", [("run", "--no-history"), ("analyze",)])
def test_a_window_that_was_published_without_history_gets_it(filled, before):
    assert filled.run(*before, *AS_OF).code == 0
    assert last_run().history == {}
    ran = filled.run("run", *AS_OF, "--json")
    assert (ran.json["unchanged"], ran.json["history"]["pages"]) == (False, 300)
    assert rows_of("SELECT max(reference_history) > 20 AS used FROM wiki_trends_scores") == [{"used": True}]


def test_a_window_that_needs_no_history_is_not_checked_for_it_again(place, sample_api):
    sample_api(today=TODAY)
    place.write_days(*[str(TODAY - dt.timedelta(days=age)) for age in range(3, 40)])
    for unchanged in (False, True):
        ran = place.run("run", *AS_OF, "--json")
        assert (ran.code, ran.json["unchanged"]) == (0, unchanged)
        assert ran.json["history"] == {"partitions": {}, "pages": 0, "problem": ""}
        assert (last_run().history, last_run().history_requested) == ({"2025-11-09": ""}, True)


@pytest.fixture
def server(sample_api):
    """A synthetic Wikimedia on the day of the tests."""
    return sample_api(today=TODAY)


@pytest.fixture
def filled(place, request, filled_folder):
    """A lake with the days of the window, and no history."""
    request.getfixturevalue("server")
    if filled_folder.exists():
        shutil.copytree(filled_folder, place.folder, dirs_exist_ok=True)
    else:
        assert place.run("backfill", *AS_OF).code == 0
        shutil.copytree(place.folder, filled_folder)
    return place


@pytest.fixture(scope="module")
def filled_folder(tmp_path_factory):
    """The folder of the first test with a filled lake, as it was before the test; the other tests copy it."""
    return tmp_path_factory.mktemp("filled") / "folder"


def unreachable(monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("WIKI_TRENDS_WIKIMEDIA_URL", f"http://127.0.0.1:{port}/api/rest_v1")
    monkeypatch.setenv("WIKI_TRENDS_MEDIAWIKI_URL", f"http://127.0.0.1:{port}/{{project}}/w/api.php")


def no_contact(monkeypatch):
    monkeypatch.delenv("WIKI_TRENDS_WIKIMEDIA_URL")
    monkeypatch.delenv("WIKI_TRENDS_MEDIAWIKI_URL")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fail", "words"), [(unreachable, "gave no usable answer"), (no_contact, "WIKI_TRENDS_CONTACT")]
)
def test_the_window_is_published_without_a_history_that_cannot_be_had(filled, monkeypatch, fail, words):
    with monkeypatch.context() as patch:
        fail(patch)
        ran = filled.run("run", *AS_OF)
        assert ran.code == 0
        assert "page history is incomplete, so the scores were computed without it" in ran.err
        assert words in ran.err
        assert words in last_run().history_problem
        assert rows_of("SELECT max(reference_history) AS most FROM wiki_trends_scores") == [{"most": 0}]
        # The failure stays, so the window is asked for again and not published again.
        again = filled.run("run", *AS_OF, "--json").json
        assert (again["unchanged"], words in again["history"]["problem"]) == (True, True)
    ran = filled.run("run", *AS_OF, "--json")
    assert (ran.code, ran.json["unchanged"], ran.json["history"]["problem"]) == (0, False, "")
    assert last_run().history_problem == ""


@pytest.mark.slow
def test_a_lake_that_does_not_take_the_history_does_not_stop_the_window(filled):
    key = layers(load()).page_history.key(dt.date(2025, 11, 9))
    (filled.folder / "data/lake/bronze" / key).write_text("a file where the folder belongs", encoding="utf-8")
    ran = filled.run("run", *AS_OF, "--json")
    assert ran.code == 0
    assert ran.json["history"]["problem"]


@pytest.mark.long
def test_faults_of_wikimedia_do_not_exceed_the_limit(place, sample_api):
    server = sample_api(today=TODAY, faults={"500": 0.1, "429": 0.05}, seed=5)
    ran = place.run("run", *AS_OF, "--json")
    assert ran.code == 0
    assert len(history_requests(server)) <= 150
    assert ran.json["history"]["pages"] == 300


@pytest.mark.slow
def test_the_history_is_the_same_in_both_warehouses(filled, postgres_url):
    ran = filled.run("run", *AS_OF, "--json")
    assert filled.run("run", *AS_OF, "--warehouse", postgres_url, "--json").json["rows"] == ran.json["rows"]
    with (
        open_warehouse(load().warehouse).reading() as embedded,
        open_warehouse(postgres_url).reading() as server,
    ):
        tables = ("wiki_page_history", "wiki_trends_scores")
        assert_same_tables(embedded, server, {name: ran.json["rows"][name] for name in tables}, "diamond")
        assert server.last_run().history == embedded.last_run().history
    rows_before = rows_of("SELECT count(*) AS n FROM wiki_page_history", postgres_url)
    # Another window keeps the rows of this one.
    again = filled.run("run", *AS_OF, "--days", "4", "--warehouse", postgres_url, "--json")
    assert again.code == 0
    assert rows_of("SELECT count(*) AS n FROM wiki_page_history", postgres_url)[0]["n"] >= rows_before[0]["n"]

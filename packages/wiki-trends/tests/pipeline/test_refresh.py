"""A day that is asked for again, the lists by access method, and what was left out, as the layers keep them."""

from __future__ import annotations

import pytest

from smart_orchestrator.adapters.manifest import inspect, read_frame
from smart_orchestrator.errors import ContractError
from testing.scripted_server import ScriptedServer
from testing.small_wiki import DAY, SmallWiki, listing, settings_for
from wiki_trends.config.layers import layers
from wiki_trends.errors import DayNotPublished
from wiki_trends.jobs.fetch import first_step
from wiki_trends.pipeline import run_day
from wiki_trends.pipeline.lists.excluded import count_by_reason, exclusion_lines, read_exclusions

ROWS = [("Main_Page", 9000, 1), ("Robot", 1000, 2), ("Nova", 900, 3), ("Phones", 800, 4), ("novae", 100, 5)]
DESKTOP = [("Robot", 990, 1), ("Nova", 300, 2), ("Least", 40, 3)]
MOBILE = [("Phones", 780, 1), ("Nova", 500, 2), ("Least", 20, 3)]


@pytest.fixture
def bench(tmp_path):
    wiki = SmallWiki(lists={("en.wikipedia", DAY): listing(ROWS)}, redirects={"novae": "Nova"})
    wiki.lists_by_access = {
        ("desktop", DAY): listing(DESKTOP, access="desktop"),
        ("mobile-web", DAY): listing(MOBILE, access="mobile-web"),
    }
    with ScriptedServer(wiki) as server:
        yield wiki, server, settings_for(server.url, tmp_path)


def pages(settings):
    return read_frame(layers(settings).diamond, DAY)["page"].to_list()


def test_the_bounds_of_the_shares_stand_in_silver_and_few_pages_are_not_judged(bench):
    _, _, settings = bench
    run_day(DAY, settings)
    assert pages(settings) == ["Robot", "Nova", "Phones"]
    silver = read_frame(layers(settings).silver, DAY)
    assert silver.select("page", "desktop_low", "desktop_high").rows() == [
        ("Robot", 0.99, 0.99),
        ("Nova", 300 / 900, 300 / 900),
        ("Phones", 0.0, 20 / 800),
        ("novae", 0.0, 0.4),
    ]


def add_readers(wiki, day=DAY):
    """Add pages with the devices of readers to the lists, so that the shares of the day can be compared."""
    readers = [(f"Page_{n}", 100, 6) for n in range(30)]
    desktop = [*DESKTOP, *[(title, 33, 4) for title, *_ in readers]]
    wiki.lists["en.wikipedia", day] = listing([*ROWS, *readers], day)
    for access, rows in (("desktop", desktop), ("mobile-web", MOBILE)):
        wiki.lists_by_access[access, day] = listing(rows, day, access=access)


def test_what_was_left_out_or_flagged_is_named_with_rank_and_reason(bench):
    wiki, _, settings = bench
    add_readers(wiki)
    run_day(DAY, settings)
    assert {"Robot", "Phones"} <= set(pages(settings))
    exclusions = read_exclusions(DAY, settings)
    assert [(row.rank, row.page, row.views, row.reason, row.into) for row in exclusions] == [
        (1, "Main_Page", 9000, "main_page", None),
        (2, "Robot", 1000, "suspect", None),
        (4, "Phones", 800, "suspect", None),
        (5, "novae", 100, "merged", "Nova"),
    ]
    assert [row.kept for row in exclusions] == [False, True, True, False]
    assert exclusions[1].to_json() == {
        "rank": 2,
        "page": "Robot",
        "views": 1000,
        "reason": "suspect",
        "desktop": [0.99, 0.99],
        "kept": True,
    }
    assert count_by_reason(exclusions) == {"main_page": 1, "merged": 1, "suspect": 2}
    lines = exclusion_lines(exclusions)
    assert "suspect, kept: 99.0 % from desktops" in lines[1][0]
    assert "suspect, kept: 0.0 to 2.5 % from desktops" in lines[2][0]
    assert lines[-1][0] == "left out or merged: 2 (1 main_page, 1 merged); kept, but suspect: 2"


def test_before_the_lists_were_by_device_a_low_share_is_not_flagged(bench):
    wiki, _, settings = bench
    earlier = DAY.replace(month=8)
    add_readers(wiki, earlier)
    run_day(earlier, settings)
    flagged = [row.page for row in read_exclusions(earlier, settings) if row.reason == "suspect"]
    assert flagged == ["Robot"]


def test_a_day_that_was_not_fetched_has_nothing_left_out(bench):
    _, _, settings = bench
    with pytest.raises(ContractError, match=r"silver 2025-11-05 .*MISSING"):
        read_exclusions(DAY, settings)


@pytest.mark.parametrize("gone", ["desktop", "mobile-web"])
def test_without_one_of_the_lists_a_day_is_not_judged(bench, gone):
    wiki, server, settings = bench
    del wiki.lists_by_access[gone, DAY]
    run_day(DAY, settings)
    assert pages(settings) == ["Robot", "Nova", "Phones"]
    assert read_frame(layers(settings).silver, DAY)["desktop_high"].null_count() == 4
    before = len(server.requests)
    run_day(DAY, settings)
    assert len(server.requests) == before


def test_a_list_by_access_method_is_fetched_once_for_all_uses(bench):
    _, server, settings = bench
    run_day(DAY, settings)
    before = len(server.requests)
    desktop = settings_for(server.url, settings.state.rpartition("/")[0], access="desktop")
    run_day(DAY, desktop)
    assert pages(desktop) == ["Robot", "Nova", "Least"]
    assert ["/top/" in request.path for request in server.requests[before:]].count(True) == 0


def test_a_refresh_asks_again_and_says_what_has_changed(bench):
    wiki, server, settings = bench
    run_day(DAY, settings)
    run_day(DAY, settings)
    assert [request.path.count("/all-access/") for request in server.requests].count(1) == 1
    wiki.lists["en.wikipedia", DAY] = listing([*ROWS[:2], ("Nova", 950, 3), ("New", 400, 4)])
    run_day(DAY, settings, fetch=first_step(settings, [DAY], refresh=True))
    measured = inspect(layers(settings).bronze, DAY).manifest.measured
    assert measured["changes"] == {
        "new": 1,
        "gone": 2,
        "restated": 1,
        "views_before": 11_800,
        "views_now": 11_350,
    }
    assert pages(settings) == ["Robot", "Nova", "New"]


def test_a_refresh_of_a_day_that_is_gone_leaves_what_was_there(bench):
    wiki, _, settings = bench
    run_day(DAY, settings)
    wiki.lists.clear()
    with pytest.raises(DayNotPublished):
        run_day(DAY, settings, fetch=first_step(settings, [DAY], refresh=True))
    assert inspect(layers(settings).bronze, DAY).rows == len(ROWS)
    assert pages(settings) == ["Robot", "Nova", "Phones"]


def test_a_dump_makes_a_day_beyond_the_first_thousand_without_asking_for_a_list(bench, tmp_path):
    _, server, settings = bench
    dump = tmp_path / "dump.txt"
    dump.write_text(
        "".join(
            f"en.wikipedia Page_{n} {n} {device} {9000 - n} A{9000 - n}\n"
            for n in range(1500)
            for device in ("desktop", "mobile-web")
        )
        + "en.wikipedia Robot 1 desktop 99999 A99999\n",
        encoding="utf-8",
    )
    run_day(DAY, settings, fetch=first_step(settings, [DAY], files=[dump], top=1400))
    frame = read_frame(layers(settings).diamond, DAY)
    assert (frame.height, frame["rank"].min(), frame["rank"].max()) == (1400, 1, 1400)
    assert frame.row(1)[:4] == ("Page_0", "Page 0", 18_000, 2)
    assert not [request for request in server.requests if "/top/" in request.path]
    assert inspect(layers(settings).bronze, DAY).manifest.measured["files"] == ["dump.txt"]

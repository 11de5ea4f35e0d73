"""`prop=pageviews` of the synthetic Action API: some titles in each response, continuation, the days, titles outside the lists."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from wiki_trends.sample import mediawiki
from wiki_trends.sample.days import wiki_traffic
from wiki_trends.sample.pageviews import Publication
from wiki_trends.sample.wikis import WIKIS
from wiki_trends.wikimedia.page_views import RECENT_VIEWS_QUERY, parse_page_views

EN = WIKIS["en.wikipedia"]
TODAY = dt.date(2025, 11, 12)
DAY = TODAY - dt.timedelta(days=7)
TRAFFIC = wiki_traffic(0, EN)


def ask(titles, *, per_answer=5, lag=1, **params):
    publication = Publication(lambda: TODAY, lag, {}, frozenset(), frozenset(), per_answer)
    query = {**RECENT_VIEWS_QUERY, "titles": "|".join(titles), **params}
    return mediawiki.respond(query, 0, EN, 240, publication).body


def views_of(titles, **options):
    """The titles that each response answers, and the views of all responses by title and day."""
    answered, views, following = [], {}, {}
    while following is not None:
        page_views = parse_page_views(ask(titles, **options, **following))
        answered.append(sorted(page_views.titles))
        views |= {(day.title, day.day): day.views for day in page_views.days}
        following = page_views.continuation
    return answered, views


@pytest.fixture(scope="module")
def listed():
    return [
        row for row in TRAFFIC.top(DAY, "all-access") if TRAFFIC.catalogue.find(row.article.replace("_", " "))
    ]


@pytest.mark.parametrize(("per_answer", "sizes"), [(5, [5, 5, 2]), (3, [3, 3, 3, 3]), (50, [12])])
def test_a_response_answers_some_titles_in_order_and_continues(listed, per_answer, sizes):
    titles = [row.article for row in listed[20:32]]
    answered, views = views_of(titles, per_answer=per_answer)
    assert [len(titles) for titles in answered] == sizes
    assert [title for titles in answered for title in titles] == sorted(titles)
    assert {title for title, _ in views} == set(titles)


def test_a_continued_response_names_the_pages_without_repeating_their_views(listed):
    titles = [row.article for row in listed[20:27]]
    first = json.loads(ask(titles))
    assert first["continue"] == {"pvipcontinue": sorted(titles)[5], "continue": "||"}
    assert "batchcomplete" not in first
    last = json.loads(ask(titles, **first["continue"]))
    assert last["batchcomplete"] is True
    assert len(last["query"]["pages"]) == 7
    assert [len(page.get("pageviews", ())) for page in last["query"]["pages"]].count(60) == 2


def test_the_days_end_yesterday_and_a_day_that_is_not_loaded_is_null(listed):
    title = listed[40].article
    _, views = views_of([title], lag=2)
    days = sorted(day for _, day in views)
    assert (days[0], days[-1], len(days)) == (TODAY - dt.timedelta(days=60), TODAY - dt.timedelta(days=1), 60)
    assert [day for day in days if views[title, day] is None] == [TODAY - dt.timedelta(days=1)]
    assert views[title, DAY] == listed[40].views
    _, fewer = views_of([title], pvipdays="7")
    assert len(fewer) == 7


def test_a_title_outside_the_lists_has_its_views_and_a_new_page_has_none_before_it_was_made():
    in_a_list = {
        row.article
        for age in range(1, 61)
        for row in TRAFFIC.top(TODAY - dt.timedelta(days=age), "all-access")
    }
    outside = next(page.title for page in TRAFFIC.catalogue.pages[2300:2400] if page.title not in in_a_list)
    least = TRAFFIC.top(DAY, "all-access")[-1].views
    _, views = views_of([outside])
    assert all(count is not None for day, count in views.items() if day[1] < TODAY - dt.timedelta(days=1))
    assert 0 < views[outside, DAY] < least
    assert views[outside, DAY] == TRAFFIC.page_views(TRAFFIC.catalogue.by_title[outside], DAY).of(
        "all-access"
    )
    new = next(
        event
        for event in TRAFFIC.schedule.events_between(DAY, DAY)
        if event.kind == "new" and event.start > TODAY - dt.timedelta(days=50)
    )
    title = TRAFFIC.catalogue.pages[new.number].title
    _, views = views_of([title])
    assert views[title, new.start - dt.timedelta(days=1)] is None
    assert views[title, new.start] > 0


def test_a_missing_page_is_answered_and_an_invalid_title_is_not():
    answered, views = views_of(["Wp-login.php", "Vela[1]", "Special:Search", "No_such_page_at_all"])
    assert answered == [["No_such_page_at_all", "Wp-login.php"]]
    assert views["Wp-login.php", DAY] > 0
    assert views["No_such_page_at_all", DAY] is None


@pytest.mark.parametrize("days", ["0", "61", "x", "-1"])
def test_an_impossible_number_of_days_is_an_error(days):
    assert json.loads(ask(["A"], pvipdays=days))["error"]["code"] == "badinteger"

"""The daily views of single pages: parsing the responses of both APIs, and requesting them."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from wiki_trends.config.settings import Settings
from wiki_trends.errors import ContractBroken
from wiki_trends.sample import SampleOptions, SampleServer
from wiki_trends.wikimedia import WikimediaClient
from wiki_trends.wikimedia.page_views import DayViews, parse_all_page_views, parse_page_views

DAY = dt.date(2025, 11, 5)
RECENT = {
    "continue": {"pvipcontinue": "Other", "continue": "||"},
    "query": {
        "pages": [
            {"ns": 0, "title": "A page", "pageviews": {"2025-11-05": 7, "2025-11-06": None}},
            {"ns": 0, "title": "Other"},
            {"title": "Vela[1]", "invalid": True},
        ]
    },
}
ARTICLE = {
    "items": [
        {"project": "en.wikipedia", "article": "A_page", "granularity": "daily", "timestamp": "2025110500",
         "access": "all-access", "agent": "user", "views": 7},
    ]
}  # fmt: skip


def broken_recent(value):
    return {"query": {"pages": [{"title": "A", "pageviews": value}]}}


def test_both_apis_are_parsed_to_the_same_days():
    recent, article = (
        parse_page_views(json.dumps(RECENT).encode()),
        parse_page_views(json.dumps(ARTICLE).encode()),
    )
    assert recent.days == [DayViews("A_page", DAY, 7), DayViews("A_page", dt.date(2025, 11, 6), None)]
    assert recent.continuation == {"pvipcontinue": "Other", "continue": "||"}
    assert recent.titles == {"A_page"}
    assert article == ([DayViews("A_page", DAY, 7)], None)


def test_several_responses_are_parsed_one_after_the_other_whatever_their_white_space():
    bodies = [json.dumps(RECENT, indent=2), json.dumps(ARTICLE), json.dumps(ARTICLE) + "\n\n"]
    parsed = list(parse_all_page_views("\n".join(bodies).encode()))
    assert [len(response.days) for response in parsed] == [2, 1, 1]
    assert list(parse_all_page_views(b"")) == []


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"query": []},
        {"query": {"pages": [{"pageviews": {"2025-11-05": 1}}]}},
        broken_recent({"2025-11-05": -1}),
        broken_recent({"2025-11-05": True}),
        broken_recent({"2025-11-05": "7"}),
        broken_recent({"2025-11-05": 2**63}),
        broken_recent({"yesterday": 1}),
        {"items": [{"article": "A", "timestamp": "2025-11-05", "views": 1}]},
        {"items": [{"article": "A", "timestamp": "2025110500"}]},
    ],
)
def test_a_response_of_another_form_is_refused(document):
    with pytest.raises(ContractBroken, match="a response with the views of pages"):
        parse_page_views(json.dumps(document).encode())


@pytest.mark.parametrize("body", [b"", b"{}{}", b"<html>", b"\xff\xfe", b"[" * 100_000])
def test_bytes_that_are_not_one_document_are_refused(body):
    with pytest.raises(ContractBroken):
        parse_page_views(body)


@pytest.fixture
def client(tmp_path):
    with SampleServer(SampleOptions(today=dt.date(2025, 11, 12))) as server:
        settings = Settings(
            wikimedia_url=server.wikimedia_url,
            mediawiki_url=server.mediawiki_url,
            rate_per_minute=1_000_000,
            state=str(tmp_path),
        )
        with WikimediaClient(settings) as opened:
            yield opened


@pytest.mark.parametrize("title", ["3%", "What_If..._Velora?", "Tarn/Olwe/Kith", "ملك_فيلورا"])
def test_the_views_of_one_article_equal_its_recent_views(client, title):
    first, last = DAY - dt.timedelta(days=50), DAY
    article = client.article_views("en.wikipedia", "all-access", title, first, last)
    by_day = {day.day: day.views for day in parse_page_views(article.body).days}
    assert (min(by_day), max(by_day), len(by_day)) == (first, last, 51)
    recent = parse_page_views(client.recent_views("en.wikipedia", [title], {}).body)
    assert {day.day: day.views for day in recent.days if first <= day.day <= last} == by_day
    assert recent.titles == {title}
    assert client.counters.requests == 2


def test_an_article_without_views_is_none_and_desktop_has_its_own(client):
    assert client.article_views("en.wikipedia", "all-access", "No_such_page", DAY, DAY) is None
    desktop, every = (
        parse_page_views(client.article_views("en.wikipedia", access, "3%", DAY, DAY).body).days[0].views
        for access in ("desktop", "all-access")
    )
    assert 0 < desktop < every

"""The planted truth: it says what the lists show, and is there to be found in the numbers that issue from it."""

from __future__ import annotations

import datetime as dt
import json
import math
import statistics
from collections import Counter

import pytest

from wiki_trends.errors import SettingError
from wiki_trends.sample import truth, wikis
from wiki_trends.sample.days import wiki_traffic

EN = wikis.WIKIS["en.wikipedia"]
START, END = dt.date(2025, 9, 1), dt.date(2025, 10, 30)
BASELINE = dt.timedelta(days=28)


@pytest.fixture(scope="module", params=[0, 11])
def seed(request):
    return request.param


@pytest.fixture(scope="module")
def planted(seed):
    return truth(seed, "en.wikipedia", START, END)


@pytest.fixture(scope="module")
def series(seed):
    """Logarithm of the listed views of each title by day, 28 days before the window included."""
    result: dict[str, dict[dt.date, float]] = {}
    for offset in range((END - START + BASELINE).days + 1):
        day = START - BASELINE + dt.timedelta(days=offset)
        for row in wiki_traffic(seed, EN).top(day, "all-access"):
            result.setdefault(row.article, {})[day] = math.log(row.views)
    return result


def of_kind(planted, *kinds):
    return [event for event in planted["events"] if event["kind"] in kinds]


def test_it_is_one_json_document_with_every_kind_of_event(planted):
    assert json.loads(json.dumps(planted)) == planted
    kinds = Counter(event["kind"] for event in planted["events"])
    assert kinds.keys() == {"burst", "growth", "decline", "weekly", "new", "bot"}
    assert 10 <= kinds["burst"] <= 30
    assert min(kinds.values()) >= 10


def test_bursts_stand_four_mad_above_a_baseline_that_can_be_seen(planted, series):
    judged = 0
    for event in of_kind(planted, "burst"):
        start = dt.date.fromisoformat(event["start"])
        if start < START:
            continue
        views = series[event["title"]]
        before = [level for day, level in views.items() if start - BASELINE <= day < start]
        middle = statistics.median(before)
        mad = statistics.median(abs(level - middle) for level in before)
        assert len(before) >= 20
        assert views[start] - middle >= 4 * mad
        judged += 1
    assert judged >= 10


def test_growth_and_decline_keep_their_rate_for_fourteen_days_and_their_noise(planted, series):
    rests = []
    slopes = {"growth": [], "decline": []}
    for event in of_kind(planted, "growth", "decline"):
        start, end = dt.date.fromisoformat(event["start"]), dt.date.fromisoformat(event["end"])
        assert (end - start).days + 1 >= 14
        assert abs(event["pct_per_day"]) >= 3
        seen = [
            (day.toordinal(), level) for day, level in series[event["title"]].items() if start <= day <= end
        ]
        if start < START or end > END or len(seen) < 14:
            continue
        slope, intercept = statistics.linear_regression(*zip(*seen, strict=True))
        slopes[event["kind"]].append(slope)
        rests += [level - slope * x - intercept for x, level in seen]
    assert statistics.mean(slopes["growth"]) > 0.03
    assert statistics.mean(slopes["decline"]) < -0.03
    assert 0.17 < statistics.pstdev(rests) < 0.23


def test_weekly_pages_rise_on_their_weekday_alone(planted, series):
    weekdays = {event["title"]: event["weekday"] for event in of_kind(planted, "weekly")}
    for title, weekday in weekdays.items():
        levels = series[title]
        on = [level for day, level in levels.items() if day.weekday() == weekday]
        off = [level for day, level in levels.items() if day.weekday() != weekday]
        assert statistics.mean(on) - statistics.mean(off) > math.log(1.6)


def test_new_pages_have_no_views_before_their_first_day(planted, seed):
    there = wiki_traffic(seed, EN)
    for event in of_kind(planted, "new"):
        page = there.catalogue.by_title[event["title"]]
        start = dt.date.fromisoformat(event["start"])
        assert there.page_views(page, start - dt.timedelta(days=1)) is None
        first = there.page_views(page, start)
        assert first is not None
        assert first.of("all-access") > 20_000


def test_programs_of_three_kinds_have_the_shares_of_their_kind(planted, seed):
    there = wiki_traffic(seed, EN)
    limits = {"desktop": (0.96, 1.0), "crawl": (0.94, 0.98), "mix": (0.28, 0.47)}
    assert {event["program"] for event in of_kind(planted, "bot")} == limits.keys()
    for day in (START, END):
        lists = {
            name: {r.article: r.views for r in there.top(day, name)} for name in ("all-access", "desktop")
        }
        bots = {
            e["title"]: e["program"] for e in of_kind(planted, "bot") if e["start"] <= str(day) <= e["end"]
        }
        assert bots
        for title, program in bots.items():
            low, high = limits[program]
            assert low <= lists["desktop"][title] / lists["all-access"][title] <= high
        assert set(bots) <= set(planted["bots"])
        readers = (
            set(planted["pages"])
            & lists["all-access"].keys()
            & lists["desktop"].keys() - set(planted["bots"])
        )
        assert all(0.1 < lists["desktop"][t] / lists["all-access"][t] < 0.9 for t in readers)


def test_it_counts_what_is_left_of_each_list(planted, seed):
    outside, leading = set(planted["non_articles"]), planted["redirects"]
    for entry in planted["days"]:
        titles = [
            r.article for r in wiki_traffic(seed, EN).top(dt.date.fromisoformat(entry["day"]), "all-access")
        ]
        articles = {leading.get(title, title) for title in titles if title not in outside}
        assert entry["articles"] == len(articles)
        assert entry["rows"] == 1000 == entry["articles"] + entry["merged"] + entry["non_articles"]
        assert entry["merged"] > 3
        assert articles <= planted["pages"].keys()


def test_the_nineteen_categories_and_seven_types_of_place_occur(planted):
    pages = planted["pages"].values()
    assert len({page["category"] for page in pages}) == 19
    assert {page["location_type"] for page in pages} == {
        "City", "Country", "Region", "Landmark", "Person", "Event", "General",
    }  # fmt: skip
    assert all(planted["pages"][t]["category"] == "Other" for t in planted["missing"])


def test_a_day_that_was_never_published_has_no_rows():
    days = truth(0, "en.wikipedia", dt.date(2024, 3, 30), dt.date(2024, 4, 1))["days"]
    assert [(d["published"], d["rows"]) for d in days] == [(True, 1000), (False, 0), (True, 1000)]


def test_an_unknown_project_is_refused():
    with pytest.raises(SettingError, match=r"--project: 'xx\.wikipedia' is not in the synthetic world"):
        truth(0, "xx.wikipedia", START, END)

"""The lists of the synthetic world: their form, their sums and their independence of order and process."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import random
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wiki_trends.sample import wikis
from wiki_trends.sample.days import ACCESS_METHODS, WikiTraffic, normal_pair, wiki_traffic
from wiki_trends.sample.pages import Catalogue, catalogue
from wiki_trends.sample.topics import DIFFICULT_TITLES
from wiki_trends.sample.wikis import WIKIS

EN = WIKIS["en.wikipedia"]
DAY = dt.date(2025, 11, 5)
days = st.dates(dt.date(2015, 7, 1), dt.date(2027, 1, 1))


def fingerprint(seed: int, project: str, day: dt.date) -> str:
    rows = WikiTraffic(Catalogue(seed, WIKIS[project])).top(day, "all-access")
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def test_a_day_is_the_same_in_another_process_with_another_hash_seed():
    program = (
        "import datetime as dt, hashlib;from wiki_trends.sample.days import wiki_traffic;"
        "from wiki_trends.sample.wikis import WIKIS;"
        "rows=wiki_traffic(7, WIKIS['fr.wikipedia']).top(dt.date(2025, 11, 5), 'all-access');"
        "print(hashlib.sha256(repr(rows).encode()).hexdigest())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "123"},
    )
    assert printed.stdout.strip() == fingerprint(7, "fr.wikipedia", DAY)


def test_a_day_does_not_depend_on_the_days_asked_before():
    backwards = WikiTraffic(Catalogue(1, EN))
    for offset in range(5, -1, -1):
        last = backwards.top(DAY + dt.timedelta(days=offset), "all-access")
    assert last == WikiTraffic(Catalogue(1, EN)).top(DAY, "all-access")


@given(day=days, project=st.sampled_from(sorted(WIKIS)))
@settings(max_examples=20, deadline=None)
def test_a_page_alone_has_the_views_that_it_has_beside_all_others(day, project):
    views = wiki_traffic(1, WIKIS[project]).views(day)
    alone = WikiTraffic(catalogue(1, WIKIS[project]))
    assert {number: alone.page_views(alone.catalogue.pages[number], day) for number in views} == views


@given(seed=st.integers(0, 1000))
def test_the_noise_of_two_pages_is_that_of_the_standard_library(seed):
    rng, uniform = random.Random(seed), random.Random(seed)
    assert normal_pair(uniform.random(), uniform.random()) == (rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0))


def test_seed_project_and_day_each_make_another_list():
    prints = {
        fingerprint(1, "en.wikipedia", DAY),
        fingerprint(2, "en.wikipedia", DAY),
        fingerprint(1, "it.wikipedia", DAY),
        fingerprint(1, "en.wikipedia", DAY + dt.timedelta(days=1)),
    }
    assert len(prints) == 4


@settings(max_examples=15, deadline=None)
@given(day=days, access=st.sampled_from(ACCESS_METHODS), project=st.sampled_from(sorted(WIKIS)))
def test_ranks_are_in_competition_order_and_titles_unique(day, access, project):
    rows = wiki_traffic(0, WIKIS[project]).top(day, access)
    assert len(rows) == WIKIS[project].rows
    assert len({row.article for row in rows}) == len(rows)
    for row in rows:
        assert row.rank == 1 + sum(other.views > row.views for other in rows)
    assert [row.views for row in rows] == sorted((row.views for row in rows), reverse=True)


@settings(max_examples=15, deadline=None)
@given(day=days)
def test_all_access_is_the_sum_of_the_other_lists_where_all_have_the_page(day):
    lists = {
        access: {row.article: row.views for row in wiki_traffic(0, EN).top(day, access)}
        for access in ACCESS_METHODS
    }
    parts = [lists[access] for access in ACCESS_METHODS[1:]]
    shared = [title for title in lists["all-access"] if all(title in part for part in parts)]
    assert len(shared) > 300
    assert all(lists["all-access"][title] == sum(part[title] for part in parts) for title in shared)


def test_a_list_has_the_scale_tail_and_ties_of_a_large_wiki():
    rows = wiki_traffic(0, EN).top(DAY, "all-access")
    assert rows[0].article == "Main_Page"
    assert 3_000_000 < rows[0].views < 9_000_000
    assert 8_000 < rows[-1].views < 14_000
    assert len(rows) - len({row.views for row in rows}) > 10
    french = wiki_traffic(0, WIKIS["fr.wikipedia"]).top(DAY, "all-access")
    assert french[0].article == "Wikipédia:Accueil_principal"
    assert len(french) - len({row.views for row in french}) > 100


@pytest.mark.parametrize("seed", range(3))
def test_about_two_thirds_of_a_list_are_there_the_next_day(seed):
    titles = [
        {row.article for row in wiki_traffic(seed, EN).top(DAY + dt.timedelta(days=n), "all-access")}
        for n in range(8)
    ]
    kept = [len(one & two) / 1000 for one, two in itertools.pairwise(titles)]
    assert all(0.6 <= part <= 0.77 for part in kept), kept


def test_weekends_are_quieter_and_more_mobile():
    def total(access, weekdays):
        chosen = [dt.date(2025, 10, 6) + dt.timedelta(days=n) for n in range(28)]
        chosen = [day for day in chosen if day.weekday() in weekdays]
        return sum(
            sum(v.of(access) for v in wiki_traffic(0, EN).views(day).values()) for day in chosen
        ) / len(chosen)

    assert total("all-access", {5}) < 0.95 * total("all-access", {0})
    assert total("desktop", {5}) / total("all-access", {5}) < total("desktop", {0}) / total("all-access", {0})


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("project", sorted(WIKIS))
def test_titles_are_unique_and_have_room_in_mediawiki(project, seed):
    pages = Catalogue(seed, WIKIS[project]).pages
    titles = [page.title for page in pages]
    assert len(set(titles)) == len(titles) > 10_000
    assert max(len(title.encode()) for title in titles) == 255


def test_titles_that_programs_stumble_over_are_listed():
    window = [wiki_traffic(0, EN).top(DAY + dt.timedelta(days=n), "all-access") for n in range(14)]
    listed = {row.article for rows in window for row in rows}
    assert {unicodedata.normalize("NFC", title) for title in DIFFICULT_TITLES} <= listed
    assert any(unicodedata.normalize("NFC", title) != title for title in listed), "none in NFD"


def test_no_article_bears_the_prefix_of_a_namespace():
    for wiki in WIKIS.values():
        for page in catalogue(0, wiki).pages:
            number, _rest = wiki.split_namespace(page.title.replace("_", " "))
            outside = number != 0 or page.title in ("-", wiki.main_page.replace(" ", "_"))
            assert outside == (page.role == "non_article"), page.title


def test_a_project_is_known_with_and_without_org():
    assert wikis.find_wiki("fr.wikipedia.org") is wikis.find_wiki("fr.wikipedia") is WIKIS["fr.wikipedia"]
    assert wikis.find_wiki("xx.wikipedia") is None

"""Test the collection of evidence: the rules, the abstention, the limits of requests and time, and failures of a source."""

import datetime as dt
import json
import threading
from dataclasses import replace
from types import SimpleNamespace

import polars as pl
import pytest

from wiki_trends.errors import ClientBlocked, WikimediaUnreachable
from wiki_trends.evidence import queries
from wiki_trends.evidence.collect import KINDS, collect
from wiki_trends.evidence.model import Finding, ListedRedirect, rules
from wiki_trends.evidence.queries import MAX_CONCURRENT, MAX_REQUESTS, NotAsked, Queries
from wiki_trends.evidence.table import NO_EXPLANATION, evidence_table, find_rises

DAY = dt.date(2025, 11, 7)
NEWS, FEATURED = "Template:In the news", "Wikipedia:Today's featured article/November 7, 2025"
DID_YOU_KNOW, ON_THIS_DAY = "Template:Did you know", "Wikipedia:Selected anniversaries/November 7"
PORTAL = "Portal:Current events/2025 November 6"


def days_after(number):
    return DAY + dt.timedelta(days=number)


class FakeClient:
    """Answers from a few facts by title; `fails` has the properties whose queries fail, and `retries` are counted as requests."""

    def __init__(self, *, claims=None, links=None, texts=None, history=(), categories=None, **others):
        self.claims = claims or {}
        self.links = links or {}
        self.texts = texts or {}
        self.history = history
        self.categories = categories or {}
        self.page_ids = others.get("page_ids", {})
        self.first_created = others.get("first_created", 0)
        self.sitelinks = others.get("sitelinks", {})
        self.lists = others.get("lists", {})
        self.views = others.get("views", {})
        self.fails = others.get("fails", ())
        self.is_blocked = others.get("is_blocked", False)
        self.endless = others.get("endless", False)
        self.counters = SimpleNamespace(retries=others.get("retries", 0))
        self.sent = []

    def action(self, _project, params):
        kind = params.get("prop", params.get("list", params["action"]))
        self._count(kind)
        if kind == "wbgetentities":
            return {"entities": {"Q1": {"claims": self.claims, "sitelinks": self.sitelinks}}}
        if kind == "logevents":
            events = [{"logid": 1, "pageid": self.first_created}] if self.first_created else []
            return {"query": {"logevents": events}}
        answer = {
            "query": {"pages": [self._page(title, kind, params) for title in params["titles"].split("|")]}
        }
        return answer | ({"continue": {"plcontinue": "1"}} if self.endless else {})

    def top_pages(self, project, _access, day):
        self._count("top")
        rows = [{"article": title, "views": views} for title, views in self.lists[project, day].items()]
        return SimpleNamespace(body=json.dumps({"items": [{"articles": rows}]}).encode())

    def article_views(self, _project, _access, _title, first, last):
        self._count("views")
        days = [first + dt.timedelta(days=offset) for offset in range((last - first).days + 1)]
        items = [{"timestamp": f"{day:%Y%m%d}00", "views": self.views.get(day, 100)} for day in days]
        return SimpleNamespace(body=json.dumps({"items": items}).encode()) if self.views else None

    def _count(self, kind):
        self.sent.append(kind)
        if kind in self.fails and self.is_blocked:
            raise ClientBlocked(url="u", status=403, detail="no", user_agent="w", attempts=1)
        if kind in self.fails:
            raise WikimediaUnreachable(url="https://en.wikipedia.org/w/api.php", attempts=1, reason="refused")

    def _page(self, title, kind, params):
        page = {"title": title, "pageid": self.page_ids.get(title, 5)}
        if kind == "pageprops" and title == "Ada L":
            page["pageprops"] = {"wikibase_item": "Q1"}
        if kind == "categories":
            page["categories"] = [{"title": f"Category:{name}"} for name in self.categories.get(title, ())]
        if kind.startswith("links"):
            page |= {"lastrevid": 77, "links": [{"title": name} for name in self.links.get(title, ())]}
        if kind == "revisions" and "content" in params["rvprop"] and title in self.texts:
            page["revisions"] = [{"revid": 88, "slots": {"main": {"content": self.texts[title]}}}]
        if kind == "revisions" and "content" not in params["rvprop"]:
            page["revisions"] = list(self.history)
        return page


def claim(day, precision=11):
    value = {"time": f"+{day}T00:00:00Z", "precision": precision}
    return {"rank": "normal", "mainsnak": {"datavalue": {"value": value}}}


def edits(number, day=DAY, **others):
    return [{"parentid": 9, "timestamp": f"{day}T01:00:00Z", "comment": "c"} | others for _ in range(number)]


def table_of(client, *findings, project="en.wikipedia", redirects=()):
    findings = findings or (Finding("Ada_L", DAY),)
    collected = collect(findings, project, lambda: client, redirects=redirects)
    return evidence_table(findings, collected, "diamond", DAY, DAY)


def kinds(client, *findings, **others):
    return table_of(client, *findings, **others).select("page", "kind").rows()


@pytest.mark.parametrize(
    ("died", "precision", "kind"),
    [
        ("2025-11-07", 11, "death"),
        ("2025-10-31", 11, "death"),
        ("2025-10-30", 11, "none"),
        ("2025-11-08", 11, "none"),
        ("2025-11-00", 10, "none"),
    ],
)
def test_a_death_explains_a_rise_of_the_same_week(died, precision, kind):
    assert kinds(FakeClient(claims={"P570": [claim(died, precision)]})) == [("Ada_L", kind)]


@pytest.mark.parametrize(
    ("born", "kind"),
    [("1925-11-07", "anniversary"), ("1924-11-07", "none"), ("1925-11-08", "none"), ("2025-11-07", "none")],
)
def test_a_round_anniversary_of_the_day_explains_a_rise(born, kind):
    assert kinds(FakeClient(claims={"P569": [claim(born)]})) == [("Ada_L", kind)]


def test_current_events_of_the_day_or_the_day_before_explain_a_rise():
    client = FakeClient(links={PORTAL: ["Event X"]})
    rises = (Finding("Event_X", DAY), Finding("Event_Y", DAY))
    table = table_of(client, *rises)
    assert table.select("page", "kind").rows() == [("Event_X", "current events"), ("Event_Y", "none")]
    assert table["source"][0].endswith("title=Portal:Current_events/2025_November_6&oldid=77")
    assert kinds(client, Finding("Event_X", days_after(2))) == [("Event_X", "none")]
    # The titles of the current events are known in English only.
    assert kinds(client, *rises, project="fr.wikipedia") == [("Event_X", "none"), ("Event_Y", "none")]


@pytest.mark.parametrize(
    ("page", "text", "kind"),
    [
        (NEWS, "* '''[[Ada L]]''' wins.", "in the news"),
        (NEWS, "* A '''[[ada_L|prize]]''' is given.", "in the news"),
        (NEWS, "* [[Ada L|'''A prize''']] is given.", "in the news"),
        (NEWS, "{{In the news/footer\n|recentdeaths =\n* [[Ada L]]\n}}", "in the news"),
        (NEWS, "* '''[[Other]]''' meets [[Ada L]].", "none"),
        (NEWS, "* '''[[Ada L (film)]]''' opens.", "none"),
        (FEATURED, "'''[[Ada L]]''' was a [[writer]].", "featured"),
        (FEATURED, "'''[[Other]]''' was a [[writer]] with '''[[Ada L]]'''.", "none"),
        (DID_YOU_KNOW, "* ... that '''[[Ada L]]''' is new?", "did you know"),
        (ON_THIS_DAY, "* 1815 – '''[[Ada L#Life|Ada]]''' was born.", "on this day"),
    ],
)
def test_what_the_main_page_shows_in_bold_explains_a_rise(page, text, kind):
    assert kinds(FakeClient(texts={page: text})) == [("Ada_L", kind)]


def test_pages_that_link_to_each_other_and_rose_together_are_a_story_with_the_name_of_its_surest_rise():
    rises = (Finding("A", DAY), Finding("B", days_after(1)), Finding("C", days_after(1)))
    links = {"A": ["B"], "B": ["A", "C"], "C": ["B"]}
    table = table_of(FakeClient(links=links), *rises)
    assert table["kind"].to_list() == ["none", "story", "story"]
    assert table["text"][1:].to_list() == [
        "rose together with A; the two pages link to each other",
        "rose together with A; this page and B link to each other",
    ]
    assert table["source"][2].endswith("/wiki/B")
    late = (rises[0], Finding("B", days_after(2)))
    assert kinds(FakeClient(links=links), *late) == [("A", "none"), ("B", "none")]


@pytest.mark.parametrize(
    ("shared", "kind"), [("2025 Velmora flood", "story"), ("Living people", "none"), (None, "none")]
)
def test_a_link_in_one_direction_needs_a_specific_category_that_both_pages_have(shared, kind):
    categories = {title: [shared] for title in "AB" if shared}
    client = FakeClient(links={"B": ["A"]}, categories=categories)
    assert kinds(client, Finding("A", DAY), Finding("B", DAY)) == [("A", "none"), ("B", kind)]


@pytest.mark.parametrize(
    ("history", "kind"),
    [
        ([*edits(20), *edits(3, days_after(-20))], "edits"),
        ([*edits(20), *edits(60, days_after(-20))], "none"),
        (edits(9), "none"),
        (edits(1, days_after(-3), parentid=0), "created"),
        (edits(1, days_after(-9), parentid=0), "none"),
        (edits(1, days_after(-1), comment="X moved page [[Old]] to [[Ada L]]: name"), "moved"),
        (edits(1, days_after(-9), comment="X moved page [[Old]] to [[Ada L]]: name"), "none"),
    ],
)
def test_edits_and_the_creation_or_a_move_of_the_page_explain_a_rise(history, kind):
    assert kinds(FakeClient(history=history)) == [("Ada_L", kind)]


def test_pages_that_are_newer_than_the_window_are_asked_about_first():
    rises = [Finding(f"Page_{number}", DAY) for number in range(30)]
    client = FakeClient(
        history=edits(1, days_after(-3), parentid=0), page_ids={"Page 25": 900}, first_created=800
    )
    found = dict(kinds(client, *rises))
    assert (found["Page_25"], found["Page_29"]) == ("created", "none")


@pytest.mark.parametrize(
    ("views", "before", "kind"),
    [
        (5000, 1000, "other languages"),
        (3000, 1000, "none"),
        (5000, None, "other languages"),
        (500, None, "none"),
    ],
)
def test_a_rise_in_another_language_explains_a_rise(views, before, kind):
    lists = {
        ("de.wikipedia", DAY): {"Ada": views, "Last": 900},
        ("de.wikipedia", days_after(-7)): {"Last": 900} | ({} if before is None else {"Ada": before}),
    }
    client = FakeClient(sitelinks={"dewiki": {"title": "Ada"}, "enwiki": {"title": "Ada L"}}, lists=lists)
    assert kinds(client) == [("Ada_L", kind)]


@pytest.mark.parametrize(
    ("rises", "kind"),
    [
        ((364, 728), "earlier years"),
        ((361, 730), "earlier years"),
        ((364,), "none"),
        ((364, 728, 740), "none"),
    ],
)
def test_a_rise_at_the_same_time_in_both_years_before_explains_a_rise(rises, kind):
    client = FakeClient(views={days_after(-back): 900 for back in rises})
    assert kinds(client) == [("Ada_L", kind)]


@pytest.mark.parametrize(
    ("today", "usual", "kind"), [(800, 100, "redirect"), (400, 100, "none"), (800, 700, "none")]
)
def test_a_redirect_that_brought_most_views_explains_a_rise(today, usual, kind):
    rows = [
        ListedRedirect("Ada_L", "Ada", day, views, 1000)
        for day, views in ((DAY, today), (days_after(-3), usual))
    ]
    assert kinds(FakeClient(), redirects=rows) == [("Ada_L", kind)]


def test_a_source_that_fails_is_reported_and_never_taken_for_no_explanation():
    rises = (Finding("Ada_L", DAY), Finding("Other", DAY))
    client = FakeClient(claims={"P570": [claim("2025-11-06")]}, fails=("links|info",))
    table = table_of(client, *rises)
    assert table["kind"].to_list() == ["death", "unavailable"]
    assert table["text"][1].startswith("not asked: current events (")
    assert "refused" in table["text"][1]
    assert NO_EXPLANATION not in table["text"][1]


def test_a_dozen_kinds_that_were_not_asked_are_counted_and_a_few_are_named():
    finding = Finding("Ada_L", DAY)
    collected = collect([finding], "en.wikipedia", None, {})
    assert len(collected.not_asked) > 10
    (text,) = evidence_table([finding], collected, "d", DAY, DAY)["text"]
    most = f"{len(collected.not_asked) - 1} kinds of evidence (the lake has no answer, and only wiki-trends run asks)"
    assert text == f"not asked: {most}; other languages (Wikidata did not answer)"
    few = replace(collected, not_asked=dict.fromkeys(["death", "moved", "edits", "story"], "no answer"))
    (text,) = evidence_table([finding], few, "d", DAY, DAY)["text"]
    assert text == "not asked: death, moved, edits, story (no answer)"


def test_after_two_failures_nothing_more_is_asked():
    client = FakeClient(fails=("pageprops", "links|info", "revisions", "links"))
    collected = collect([Finding("Ada_L", DAY)], "en.wikipedia", lambda: client)
    assert client.sent == ["pageprops", "links|info"]
    assert set(collected.not_asked) == set(KINDS) - {"redirect"}


def test_after_a_block_nothing_more_is_asked():
    client = FakeClient(fails=("pageprops",), is_blocked=True)
    collect([Finding("Ada_L", DAY)], "en.wikipedia", lambda: client)
    assert client.sent == ["pageprops"]


def test_independent_queries_are_sent_three_at_a_time_and_answered_in_their_order():
    asking, most, all_asking = set(), [], threading.Barrier(MAX_CONCURRENT)

    def ask(number):
        asking.add(number)
        all_asking.wait(timeout=60)
        most.append(len(asking))
        asking.discard(number)
        return number

    numbers = range(2 * MAX_CONCURRENT)
    answers = Queries(None, {}).together(lambda number=number: ask(number) for number in numbers)
    assert list(answers) == list(numbers)
    assert max(most) == MAX_CONCURRENT == 3


def test_after_an_error_the_waiting_queries_are_not_sent(monkeypatch):
    monkeypatch.setattr(queries, "MAX_CONCURRENT", 1)
    sent = []

    def ask(number):
        sent.append(number)
        if number == 1:
            raise NotAsked("no")
        return number

    answers = Queries(None, {}).together(lambda number=number: ask(number) for number in range(9))
    assert next(answers) == 0
    with pytest.raises(NotAsked, match=r"^no$"):
        next(answers)
    assert sent == [0, 1]


class WithoutHistory(FakeClient):
    """Fails for each query of the revisions of a past day."""

    def action(self, project, params):
        if "rvlimit" in params:
            self.fails = ("revisions",)
        return super().action(project, params)


def test_the_queries_of_a_source_that_fail_together_count_as_one_failure():
    days = [Finding(f"Page_{number}", days_after(number)) for number in range(3)]
    client = WithoutHistory()
    collected = collect(days, "en.wikipedia", lambda: client)
    # The main page and the edits fail. The stories, which are asked for between them, do not.
    assert "links" in client.sent
    assert {"in the news", "edits"} <= set(collected.not_asked)
    assert "story" not in collected.not_asked
    assert collected.not_asked["earlier years"] == "other sources did not answer"


@pytest.mark.parametrize("retries", [0, 20])
def test_no_more_requests_are_sent_than_the_limit_allows(retries):
    client = FakeClient(endless=True, retries=retries)
    collected = collect([Finding("Ada_L", DAY)], "en.wikipedia", lambda: client)
    assert len(client.sent) == MAX_REQUESTS - retries
    assert collected.not_asked["death"] == f"the limit of {MAX_REQUESTS} requests is reached"


def test_no_request_is_sent_after_the_limit_of_time(monkeypatch):
    monkeypatch.setattr(queries, "MAX_SECONDS", 0.0)
    client = FakeClient()
    collected = collect([Finding("Ada_L", DAY)], "en.wikipedia", lambda: client)
    assert client.sent == []
    assert collected.not_asked["story"] == "the limit of 0 seconds is reached"


def test_answers_are_reused_and_without_a_client_only_they_are_used():
    facts, client = {}, FakeClient(claims={"P570": [claim("2025-11-06")]})
    first = collect([Finding("Ada_L", DAY)], "en.wikipedia", lambda: client, facts)
    sent = len(client.sent)
    again = collect([Finding("Ada_L", DAY)], "en.wikipedia", None, json.loads(json.dumps(facts)))
    assert (len(client.sent), again.reused, again.evidence) == (sent, sent, first.evidence)
    assert again.not_asked == {}
    assert "death" in collect([Finding("New", DAY)], "en.wikipedia", None, facts).not_asked


def test_a_page_that_a_source_was_not_asked_about_says_so():
    rises = [Finding(f"Page_{number}", DAY) for number in range(30)]
    texts = table_of(FakeClient(first_created=800), *rises)["text"].to_list()
    assert texts[0] == NO_EXPLANATION
    assert texts[29] == f"{NO_EXPLANATION} (not asked: moved, edits, earlier years)"


def test_a_flat_rise_without_explanation_can_be_automated_traffic():
    table = table_of(FakeClient(), Finding("A", DAY, "plateau"), Finding("B", DAY, "spike"))
    assert ["automated" in text for text in table["text"]] == [True, False]


def test_every_rule_has_a_kind_that_a_source_answers():
    assert {rule["kind"] for rule in rules().values()} == set(KINDS)
    assert all(0 < rule["strength"] <= 1 for rule in rules().values())


def test_the_findings_are_the_surest_rises_and_the_largest_ones_in_turn():
    columns = {
        "page": ["A", "B", "C", "D"],
        "at_least": [9.0, 5.0, 3.0, 0.9],
        "magnitude": [1.0, 2.0, 8.0, 9.0],
    }
    scores = pl.DataFrame(columns).with_columns(views=10, surprise_date=DAY, shape=pl.lit("spike"))
    assert [finding.page for finding in find_rises(scores)] == ["A", "C", "B"]

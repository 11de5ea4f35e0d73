"""Test the collection of evidence: the rules, the abstention, the limit of requests, and failures of a source."""

import datetime as dt

import pytest

from wiki_trends.errors import WikimediaUnreachable
from wiki_trends.evidence.collect import MAX_REQUESTS, NO_EXPLANATION, Finding, collect, evidence_table

DAY = dt.date(2025, 11, 7)


class FakeClient:
    """Answers from a few pages; `fails` has the properties whose queries fail."""

    def __init__(self, died="+2025-11-06T00:00:00Z", precision=11, links=None, fails=(), endless=False):
        self.value = {"time": died, "precision": precision}
        self.links = links or {}
        self.fails = fails
        self.endless = endless
        self.sent = 0

    def action(self, _project, params):
        self.sent += 1
        if params.get("prop", params["action"]) in self.fails:
            raise WikimediaUnreachable(url="https://en.wikipedia.org/w/api.php", attempts=1, reason="refused")
        if params["action"] == "wbgetentities":
            claim = {"rank": "normal", "mainsnak": {"datavalue": {"value": self.value}}}
            return {"entities": {"Q1": {"claims": {"P570": [claim]}}}}
        titles = params["titles"].split("|")
        if params["prop"] == "pageprops":
            return {"query": {"pages": [{"title": "Ada L", "pageprops": {"wikibase_item": "Q1"}}]}}
        pages = [
            {"title": title, "links": [{"title": name} for name in self.links.get(title, ())]}
            for title in titles
        ]
        return {"query": {"pages": pages}} | ({"continue": {"plcontinue": "1"}} if self.endless else {})


def kinds(client, *findings, project="en.wikipedia"):
    findings = findings or (Finding("Ada_L", DAY),)
    table = evidence_table(findings, collect(findings, project, client), "diamond", DAY, DAY)
    return table.select("page", "kind").rows()


@pytest.mark.parametrize(
    ("died", "precision", "kind"),
    [
        ("+2025-11-07T00:00:00Z", 11, "death"),
        ("+2025-10-31T00:00:00Z", 11, "death"),
        ("+2025-10-30T00:00:00Z", 11, "none"),
        ("+2025-11-08T00:00:00Z", 11, "none"),
        ("+2025-11-00T00:00:00Z", 10, "none"),
    ],
)
def test_a_death_explains_a_rise_of_the_same_week(died, precision, kind):
    assert kinds(FakeClient(died, precision)) == [("Ada_L", kind)]


def test_current_events_of_the_day_or_the_day_before_explain_a_rise():
    portal = {"Portal:Current events/2025 November 6": ["Event X"]}
    client = FakeClient(links=portal)
    rises = (Finding("Event_X", DAY), Finding("Event_Y", DAY))
    assert kinds(client, *rises) == [("Event_X", "current events"), ("Event_Y", "none")]
    assert kinds(client, Finding("Event_X", DAY + dt.timedelta(days=2))) == [("Event_X", "none")]
    # The titles of the current events are known in English only.
    assert kinds(client, *rises, project="fr.wikipedia") == [("Event_X", "none"), ("Event_Y", "none")]


def test_pages_that_link_to_each_other_and_rose_together_are_a_story():
    rises = (Finding("A", DAY), Finding("B", DAY))
    assert kinds(FakeClient(links={"A": ["B"], "B": ["A"]}), *rises) == [("A", "none"), ("B", "story")]
    assert kinds(FakeClient(links={"B": ["A"]}), *rises) == [("A", "none"), ("B", "none")]


def test_a_source_that_fails_is_reported_and_never_taken_for_no_explanation():
    rises = (Finding("Ada_L", DAY), Finding("Other", DAY))
    collected = collect(rises, "en.wikipedia", FakeClient(fails=("links",)))
    table = evidence_table(rises, collected, "diamond", DAY, DAY)
    assert table["kind"].to_list() == ["death", "unavailable"]
    assert "evidence not available: " in table["text"][1]
    assert NO_EXPLANATION not in table["text"][1]


def test_no_more_requests_are_sent_than_the_limit_allows():
    client = FakeClient(endless=True)
    collected = collect([Finding("Ada_L", DAY)], "en.wikipedia", client)
    assert client.sent == collected.requests == MAX_REQUESTS
    assert collected.problems[0] == f"the limit of {MAX_REQUESTS} requests is reached"


def test_a_flat_rise_without_explanation_can_be_automated_traffic():
    rises = (Finding("A", DAY, "plateau"), Finding("B", DAY, "spike"))
    table = evidence_table(rises, collect(rises, "en.wikipedia", FakeClient()), "diamond", DAY, DAY)
    assert ["automated" in text for text in table["text"]] == [True, False]

"""Test that the category rules reach a minimum accuracy on the judging half of the labelled pages."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from benchmarks import categories
from benchmarks.categories import JUDGING, WRITING, accuracy, apply_rules, pages_of
from wiki_trends.pipeline.rules.rules import CATEGORIES, LOCATION_TYPES, Labels, Place

LEAST = 0.85


@pytest.mark.parametrize("what", ["category", "location_type", "location"])
def test_the_judging_half_is_right_often_enough(what: str) -> None:
    assert accuracy([getattr(labels, what) for labels in apply_rules(JUDGING)]) >= LEAST


def test_the_set_is_large_and_both_halves_are() -> None:
    halves = [pages_of(WRITING), pages_of(JUDGING)]
    assert min(map(len, halves)) >= 150
    pages = [page for half in halves for page in half]
    assert len({page["title"] for page in pages}) == len(pages) >= 300
    assert {page["category"] for page in pages} == set(CATEGORIES)


def test_labels_are_those_that_can_be_found() -> None:
    for page in (*pages_of(WRITING), *pages_of(JUDGING)):
        assert page["categories"] or page["description"], page["title"]
        assert page.get("location_type", "General") in LOCATION_TYPES, page["title"]


def test_mistakes_of_the_judging_half_are_not_listed() -> None:
    wrong = {labels.title for labels in apply_rules(JUDGING) if labels.category[0] != labels.category[1]}
    shown = "\n".join(categories.errors(JUDGING))
    assert [title for title in wrong if title in shown] == []


def test_a_wrong_category_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    sports = SimpleNamespace(labels=lambda *_: Labels("Sports", Place("General", "Nowhere")))
    monkeypatch.setattr(categories.Rules, "load", lambda _: sports)
    right = sum(page["category"] == "Sports" for page in pages_of(JUDGING)) / len(pages_of(JUDGING))
    assert accuracy([labels.category for labels in apply_rules(JUDGING)]) == pytest.approx(right)
    assert right < LEAST


def test_the_documentation_shows_the_figures_of_today() -> None:
    text = categories.DOCUMENTATION_PAGE.read_text(encoding="utf-8")
    assert categories.documented(text) == text


def test_the_document_of_the_program_has_figures_and_times(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["categories", "--json"])
    assert categories.main() == 0
    document = json.loads(capsys.readouterr().out)
    assert document["pages"] == sum(document["confusion"].values())
    assert document["milliseconds_a_day"]["seen"] <= document["milliseconds_a_day"]["unseen"]

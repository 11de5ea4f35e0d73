"""Explain the category and the location of a page: the facts, the scores, the rules that applied.

The facts come from the cache in the lake, as the pipeline sees them, or from Wikimedia when the page is not in the cache.
Nothing is written. A title that the wiki does not know has the defaults.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.environment import check_network_variables
from wiki_trends.config.layers import layers
from wiki_trends.errors import SettingError
from wiki_trends.pipeline.cache.pages import PageCache
from wiki_trends.pipeline.rules.rules import Rules
from wiki_trends.pipeline.step_result import project_of
from wiki_trends.wikimedia import WikimediaClient

if TYPE_CHECKING:
    from smart_orchestrator.text.reports import Line
    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.rules.rules import Decision, Explanation
    from wiki_trends.wikimedia import PageFacts

CACHE, WIKIMEDIA = "cache", "wikimedia"
_FROM = {CACHE: "from the cache", WIKIMEDIA: "from Wikimedia"}
_MAX_LABELS = 6
_MAX_RULES = 12


@dataclass(frozen=True, slots=True)
class PageExplanation:
    """A page with its facts, its category and its location.

    Attributes:
        title: the title that was given.
        project: for example `en.wikipedia`.
        source: `cache` or `wikimedia`.
        facts: the page's facts, from the wiki.
        why: category and location, with scores and rules.
    """

    title: str
    project: str
    source: str
    facts: PageFacts
    why: Explanation

    def to_json(self) -> dict[str, Any]:
        """The document of `explain --json`."""
        why = self.why
        return {
            "title": self.title,
            "project": self.project,
            "source": self.source,
            "facts": self.facts.to_json(),
            "category": why.category.outcome,
            "location_type": why.place.type,
            "location": why.place.name,
            "why": {
                "category": _decision_json(why.category),
                "location_type": _decision_json(why.location_type),
                "location": _decision_json(why.location),
            },
        }


def explain_page(title: str, settings: Settings) -> PageExplanation:
    """Explain one page of the settings' project; `title` has spaces or underscores.

    Raises:
        SettingError: the title is empty, or the file of extra phrases cannot be used.
        ContactMissing: the page must be requested from Wikimedia, and no contact is set.
        RequestRejected, WikimediaUnreachable: the request failed.
    """
    project = project_of(settings)
    rules = Rules.load(project.partition(".")[0], settings.categories_file)
    page = title.strip().replace(" ", "_")
    if not page.strip("_"):
        raise SettingError(
            name="title",
            value=title,
            origin="TITLE",
            problem="is not a title",
            fix='Give one such as "Marie Curie".',
        )
    facts = PageCache(lake_of(layers(settings).silver), project).get([page]).get(page)
    source = CACHE
    if facts is None:
        source = WIKIMEDIA
        check_network_variables(os.environ)
        with WikimediaClient(settings) as client:
            facts = client.pages(project, [page])[page]
    if not facts.missing:
        page = facts.title.replace(" ", "_")
    return PageExplanation(title, project, source, facts, rules.explain(page, facts))


def explanation_lines(explanation: PageExplanation) -> list[Line]:
    """The explanation as lines of text."""
    facts, why = explanation.facts, explanation.why
    lines: list[Line] = [
        (f"{facts.title}  ({explanation.project}, {_FROM[explanation.source]})", "strong"),
        (f"  description   {facts.description or 'none'}", ""),
        (f"  categories    {len(facts.categories)}", ""),
        (f"  coordinates   {_coordinates(facts)}", ""),
    ]
    if facts.missing:
        lines.append(("  The wiki has no such page: it gets the defaults.", ""))
    for name, decision in (
        ("category", why.category),
        ("location_type", why.location_type),
        ("location", why.location),
    ):
        lines += [("", ""), (f"{name}: {decision.outcome}", "strong"), *_rules(decision)]
    return lines


def _rules(decision: Decision) -> list[Line]:
    """The scores from best to worst, each with its highest-scoring rules."""
    if not decision.matches:
        return [("  no rule applies", "")]
    lines: list[Line] = []
    for label, score in list(_ranked(decision.scores).items())[:_MAX_LABELS]:
        lines.append((f"  {score:6g}  {label}", ""))
        applied = sorted(
            (match for match in decision.matches if match.label == label), key=lambda match: -match.score
        )
        lines += [
            (f"          {match.score:6g}  {match.source}: {match.phrase!r} in {match.text!r}", "")
            for match in applied[:_MAX_RULES]
        ]
        if len(applied) > _MAX_RULES:
            lines.append((f"                  and {len(applied) - _MAX_RULES} more", ""))
    if len(decision.scores) > _MAX_LABELS:
        lines.append((f"          and {len(decision.scores) - _MAX_LABELS} more with lower scores", ""))
    return lines


def _decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "scores": _ranked(decision.scores),
        "rules": [match._asdict() for match in decision.matches],
    }


def _ranked(scores: dict[str, float]) -> dict[str, float]:
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def _coordinates(facts: PageFacts) -> str:
    if facts.latitude is None:
        return "none"
    details = [
        f"{name} {value}" for name, value in (("type", facts.place_type), ("country", facts.country)) if value
    ]
    return ", ".join([f"{facts.latitude:g}, {facts.longitude:g}", *details])

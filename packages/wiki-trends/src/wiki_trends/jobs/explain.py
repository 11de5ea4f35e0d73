"""Explain the category and the location of a page: the facts, the scores, and the rules that matched.

The facts come from the pipeline's cache in the lake. If the cache does not have the page, the facts come from Wikimedia, and
are not cached. If the wiki has no page with the title, the result is the default category and location.
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
_SOURCE_TEXTS = {CACHE: "from the cache", WIKIMEDIA: "from Wikimedia"}
# The largest number of categories or locations to list.
_MAX_LABELS = 6
# The largest number of matching rules to list for each category or location.
_MAX_RULES = 12


@dataclass(frozen=True, slots=True)
class PageExplanation:
    """The facts of a page, and the reasons for its category and its location.

    Attributes:
        title: the title that the caller passed.
        project: the project, for example `en.wikipedia`.
        source: the source of the facts, `cache` or `wikimedia`.
        facts: the facts about the page.
        rules: the category and the location of the page, with the scores and the rules that led to them.
    """

    title: str
    project: str
    source: str
    facts: PageFacts
    rules: Explanation

    def to_json(self) -> dict[str, Any]:
        """Return the document that `explain --json` prints."""
        rules = self.rules
        return {
            "title": self.title,
            "project": self.project,
            "source": self.source,
            "facts": self.facts.to_json(),
            "category": rules.category.outcome,
            "location_type": rules.place.type,
            "location": rules.place.name,
            "why": {
                "category": _decision_json(rules.category),
                "location_type": _decision_json(rules.location_type),
                "location": _decision_json(rules.location),
            },
        }


def explain_page(title: str, settings: Settings) -> PageExplanation:
    """Explain a page of the project in the settings. `title` may contain spaces or underscores.

    Raises:
        SettingError: the title is empty, or the file of extra phrases cannot be used.
        ContactMissing: the page must be requested from Wikimedia, and no contact is set.
        RequestRejected: Wikimedia refused the request.
        WikimediaUnreachable: Wikimedia did not answer the request.
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
            fix='Give a title such as "Marie Curie".',
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
    """Return the explanation as styled lines."""
    facts, rules = explanation.facts, explanation.rules
    lines: list[Line] = [
        (f"{facts.title}  ({explanation.project}, {_SOURCE_TEXTS[explanation.source]})", "strong"),
        (f"  description   {facts.description or 'none'}", ""),
        (f"  categories    {len(facts.categories)}", ""),
        (f"  coordinates   {_coordinates_text(facts)}", ""),
    ]
    if facts.missing:
        lines.append(("  The wiki has no such page, so the defaults apply.", ""))
    for name, decision in (
        ("category", rules.category),
        ("location_type", rules.location_type),
        ("location", rules.location),
    ):
        lines += [("", ""), (f"{name}: {decision.outcome}", "strong"), *_score_lines(decision)]
    return lines


def _score_lines(decision: Decision) -> list[Line]:
    """Return the categories or locations by falling score, each followed by its highest-scoring rules."""
    if not decision.matches:
        return [("  no rule applies", "")]
    lines: list[Line] = []
    for label, score in list(_best_first(decision.scores).items())[:_MAX_LABELS]:
        lines.append((f"  {score:6g}  {label}", ""))
        label_matches = sorted(
            (match for match in decision.matches if match.label == label), key=lambda match: -match.score
        )
        lines += [
            (f"          {match.score:6g}  {match.source}: {match.phrase!r} in {match.text!r}", "")
            for match in label_matches[:_MAX_RULES]
        ]
        if len(label_matches) > _MAX_RULES:
            lines.append((f"                  and {len(label_matches) - _MAX_RULES} more", ""))
    if len(decision.scores) > _MAX_LABELS:
        lines.append((f"          and {len(decision.scores) - _MAX_LABELS} more with lower scores", ""))
    return lines


def _decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "scores": _best_first(decision.scores),
        "rules": [match._asdict() for match in decision.matches],
    }


def _best_first(scores: dict[str, float]) -> dict[str, float]:
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def _coordinates_text(facts: PageFacts) -> str:
    if facts.latitude is None:
        return "none"
    details = [
        f"{name} {value}" for name, value in (("type", facts.place_type), ("country", facts.country)) if value
    ]
    return ", ".join([f"{facts.latitude:g}, {facts.longitude:g}", *details])

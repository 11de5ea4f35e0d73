"""Why a page has its category and its place: the facts, the scores, the rules that applied.

The facts come from the cache in the lake, as the pipeline would see them; a page that is not in it is asked from Wikimedia,
and nothing is written. A title that the wiki does not know is explained too: with the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smart_orchestrator.store.opening import lake_of
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
_FROM = {CACHE: "from the cache", WIKIMEDIA: "asked from Wikimedia"}
_MOST_LABELS = 6
_MOST_RULES = 12


@dataclass(frozen=True, slots=True)
class Explained:
    """A page with its facts and what was made of them.

    Attributes:
        title: as it was asked.
        project: for example `en.wikipedia`.
        source: `cache` or `wikimedia`.
        facts: what the wiki knows of the page.
        why: category and place, with scores and rules.
    """

    title: str
    project: str
    source: str
    facts: PageFacts
    why: Explanation

    def to_json(self) -> dict[str, Any]:
        """For `--json`: the outcome, and how it came about."""
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


def explain(title: str, settings: Settings) -> Explained:
    """Explain one page of the settings' project; `title` has spaces or underscores.

    Raises:
        SettingError: there is no title, or the file of further phrases cannot be used.
        ContactMissing: the page has to be asked from Wikimedia, and no contact is set.
        RequestRejected, WikimediaUnreachable: it could not be asked.
    """
    project = project_of(settings)
    rules = Rules.load(project.partition(".")[0], settings.categories_file)
    asked = title.strip().replace(" ", "_")
    if not asked.strip("_"):
        raise SettingError(
            name="title",
            value=title,
            origin="TITLE",
            problem="is no title",
            fix='Give one such as "Marie Curie".',
        )
    facts = PageCache(lake_of(layers(settings).silver), project).get([asked]).get(asked)
    source = CACHE
    if facts is None:
        source = WIKIMEDIA
        with WikimediaClient(settings) as client:
            facts = client.pages(project, [asked])[asked]
    page = asked if facts.missing else facts.title.replace(" ", "_")
    return Explained(title, project, source, facts, rules.explain(page, facts))


def lines(explained: Explained) -> list[Line]:
    """The same for people."""
    facts, why = explained.facts, explained.why
    told: list[Line] = [
        (f"{facts.title}  ({explained.project}, {_FROM[explained.source]})", "strong"),
        (f"  description   {facts.description or 'none'}", ""),
        (f"  categories    {len(facts.categories)}", ""),
        (f"  coordinates   {_coordinates(facts)}", ""),
    ]
    if facts.missing:
        told.append(("  The wiki has no such page: it gets the defaults.", ""))
    for name, decision in (
        ("category", why.category),
        ("location_type", why.location_type),
        ("location", why.location),
    ):
        told += [("", ""), (f"{name}: {decision.outcome}", "strong"), *_rules(decision)]
    return told


def _rules(decision: Decision) -> list[Line]:
    """The scores from best to worst, under each the heaviest rules."""
    if not decision.matches:
        return [("  no rule applies", "")]
    told: list[Line] = []
    for label, score in list(_ranked(decision.scores).items())[:_MOST_LABELS]:
        told.append((f"  {score:6g}  {label}", ""))
        applied = sorted(
            (match for match in decision.matches if match.label == label), key=lambda match: -match.score
        )
        told += [
            (f"          {match.score:6g}  {match.source}: {match.phrase!r} in {match.text!r}", "")
            for match in applied[:_MOST_RULES]
        ]
        if len(applied) > _MOST_RULES:
            told.append((f"                  and {len(applied) - _MOST_RULES} more", ""))
    if len(decision.scores) > _MOST_LABELS:
        told.append((f"          and {len(decision.scores) - _MOST_LABELS} more with lower scores", ""))
    return told


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
    beside = [
        f"{name} {value}" for name, value in (("type", facts.place_type), ("country", facts.country)) if value
    ]
    return ", ".join([f"{facts.latitude:g}, {facts.longitude:g}", *beside])

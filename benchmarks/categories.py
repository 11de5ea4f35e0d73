"""How often the rules are right on the labelled pages: `python -m benchmarks.categories [--half writing|judging] [--markdown]`.

The pages are `tests/data/labelled_pages.jsonl`. Rules are written with one half in view (`--errors` lists its mistakes);
the other half only judges, and its mistakes are never listed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wiki_trends.pipeline.rules import CATEGORIES, DEFAULT_LOCATION, Rules
from wiki_trends.wikimedia import PageFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGES = Path(__file__).resolve().parent.parent / "tests" / "data" / "labelled_pages.jsonl"
WRITING, JUDGING = "writing", "judging"
LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one page is and what the rules made of it: (right, found) pairs, None where nobody has said what is right."""

    title: str
    category: tuple[str, str]
    location_type: tuple[str, str] | None
    location: tuple[str, str] | None


def labelled(half: str) -> list[dict[str, Any]]:
    """The pages of one half, in order of their titles."""
    lines = PAGES.read_text(encoding="utf-8").splitlines()
    return [page for page in map(json.loads, lines) if half_of(page["title"]) == half]


def half_of(title: str) -> str:
    """The half that a page belongs to, by its title alone."""
    return JUDGING if hashlib.sha256(title.encode()).digest()[0] % 2 else WRITING


def verdicts(half: str) -> list[Verdict]:
    """What the rules make of each page of one half."""
    rules = Rules.load(LANGUAGE)
    found = []
    for page in labelled(half):
        facts = facts_of(page)
        title = page["title"].replace(" ", "_")
        place = rules.place(title, facts)
        kind, country = page.get("location_type"), page.get("country", "")
        found.append(
            Verdict(
                page["title"],
                (page["category"], rules.category(title, facts)),
                None if kind is None else (kind, place.type),
                None if country == "" else (country or DEFAULT_LOCATION, place.name),
            )
        )
    return found


def facts_of(page: dict[str, Any]) -> PageFacts:
    """A labelled page as the wiki's answer gives it; degrees are not in the set, so all stand at 0, 0."""
    place = page.get("coordinates")
    return PageFacts(
        page["title"],
        categories=tuple(page["categories"]),
        description=page["description"],
        latitude=0.0 if place else None,
        longitude=0.0 if place else None,
        place_type=place["type"] if place else None,
        country=place["country"] if place else None,
    )


def accuracy(pairs: Sequence[tuple[str, str] | None]) -> float:
    """Part of the judged pairs that agree."""
    judged = [pair for pair in pairs if pair is not None]
    return sum(right == found for right, found in judged) / len(judged)


def figures(half: str) -> dict[str, Any]:
    """Number of pages, accuracies, and precision and recall of each category."""
    judged = verdicts(half)
    pairs = Counter(verdict.category for verdict in judged)
    return {
        "half": half,
        "pages": len(judged),
        "category": accuracy([verdict.category for verdict in judged]),
        "location_type": accuracy([verdict.location_type for verdict in judged]),
        "location": accuracy([verdict.location for verdict in judged]),
        "confusion": {f"{right} -> {found}": count for (right, found), count in sorted(pairs.items())},
    }


def summary(half: str) -> str:
    """The accuracies in one line."""
    told = figures(half)
    return (
        f"{half} half, {told['pages']} pages: category {told['category']:.1%}, "
        f"location_type {told['location_type']:.1%}, location {told['location']:.1%}"
    )


def confusion(half: str) -> str:
    """The confusion table in Markdown: a row for each right category, a column (by number) for each that was found."""
    pairs = Counter(verdict.category for verdict in verdicts(half))
    numbers = range(1, len(CATEGORIES) + 1)
    lines = [f"| right \\ found | {' | '.join(map(str, numbers))} |", "|---|" + "--:|" * len(CATEGORIES)]
    for number, right in enumerate(CATEGORIES, 1):
        cells = " | ".join(str(pairs[right, found] or "") for found in CATEGORIES)
        lines.append(f"| {number} {right} | {cells} |")
    return "\n".join(lines)


def errors(half: str) -> list[str]:
    """One line a mistake; of the judging half there are none to see."""
    if half == JUDGING:
        return ["the judging half's mistakes are not listed: who sees them could write rules for them"]
    return [
        f"{verdict.title}: {name} is {pair[0]}, found {pair[1]}"
        for verdict in verdicts(half)
        for name, pair in (
            ("category", verdict.category),
            ("location_type", verdict.location_type),
            ("location", verdict.location),
        )
        if pair is not None and pair[0] != pair[1]
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.categories", description=__doc__)
    parser.add_argument("--half", choices=(WRITING, JUDGING), default=JUDGING)
    parser.add_argument("--errors", action="store_true", help="list the mistakes of the writing half")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    if given.json:
        text = json.dumps(figures(given.half), indent=2)
    elif given.errors:
        text = "\n".join(errors(given.half))
    else:
        text = f"{summary(given.half)}\n\n{confusion(given.half)}"
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Measure the accuracy and the speed of the category rules on labelled pages: `python -m benchmarks.categories`.

The pages in `tests/data/labelled_pages.jsonl` are divided into a training half and a test half, which the options call `writing` and
`judging`. Rules are developed with the writing half, whose mistakes `--errors` lists. The judging half only measures the
rules. The program does not list the mistakes of the judging half, so that nobody writes rules for its pages.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wiki_trends.pipeline.rules.rules import CATEGORIES, DEFAULT_LOCATION, Rules
from wiki_trends.wikimedia import PageFacts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
LABELLED_PAGES_FILE = ROOT / "tests" / "data" / "labelled_pages.jsonl"
DOCUMENTATION_PAGE = ROOT / "docs" / "categories.md"
# The lines of the documentation page between which the figures are.
_BEGIN, _END = "<!-- judged: written by `python -m benchmarks.categories --write` -->\n", "<!-- /judged -->"
# The names of the two halves.
WRITING, JUDGING = "writing", "judging"
LANGUAGE = "en"
# The typical numbers for a day of English Wikipedia.
PAGES_PER_DAY, CATEGORIES_PER_PAGE = 1000, 14


@dataclass(frozen=True, slots=True)
class PageLabels:
    """The labels of one page. Each pair is the expected label and the label that the rules gave; None without an expected label."""

    title: str
    category: tuple[str, str]
    location_type: tuple[str, str] | None
    location: tuple[str, str] | None


def pages_of(half: str) -> list[dict[str, Any]]:
    """Return the labelled pages of one half, in the order of the file."""
    lines = LABELLED_PAGES_FILE.read_text(encoding="utf-8").splitlines()
    return [page for page in map(json.loads, lines) if half_of(page["title"]) == half]


def half_of(title: str) -> str:
    """Return the half to which a page belongs; it depends only on the title."""
    return JUDGING if hashlib.sha256(title.encode()).digest()[0] % 2 else WRITING


def apply_rules(half: str) -> list[PageLabels]:
    """Apply the rules to each page of one half, and return the expected and the actual labels."""
    rules = Rules.load(LANGUAGE)
    labels_of_pages = []
    for page in pages_of(half):
        facts = facts_of(page)
        title = page["title"].replace(" ", "_")
        category, place = rules.labels(title, facts)
        expected_type, country = page.get("location_type"), page.get("country", "")
        labels_of_pages.append(
            PageLabels(
                page["title"],
                (page["category"], category),
                None if expected_type is None else (expected_type, place.type),
                # The file has no country for a page whose place was not labelled, and null for a page without a place.
                None if country == "" else (country or DEFAULT_LOCATION, place.name),
            )
        )
    return labels_of_pages


def facts_of(page: dict[str, Any]) -> PageFacts:
    """Return the facts that Wikipedia would return for a labelled page.

    The file records only whether a page has coordinates, so each page with coordinates is at 0, 0.
    """
    coordinates = page.get("coordinates")
    return PageFacts(
        page["title"],
        categories=tuple(page["categories"]),
        description=page["description"],
        latitude=0.0 if coordinates else None,
        longitude=0.0 if coordinates else None,
        place_type=coordinates["type"] if coordinates else None,
        country=coordinates["country"] if coordinates else None,
    )


def accuracy(pairs: Sequence[tuple[str, str] | None]) -> float:
    """Return the fraction of pairs with equal labels, among the pairs that are not None."""
    labelled_pairs = [pair for pair in pairs if pair is not None]
    return sum(expected == actual for expected, actual in labelled_pairs) / len(labelled_pairs)


def figures(half: str) -> dict[str, Any]:
    """Return the number of pages in a half, the accuracies, and the number of pages for each pair of expected and actual category."""
    labels_of_pages = apply_rules(half)
    pairs = Counter(labels.category for labels in labels_of_pages)
    return {
        "half": half,
        "pages": len(labels_of_pages),
        "category": accuracy([labels.category for labels in labels_of_pages]),
        "location_type": accuracy([labels.location_type for labels in labels_of_pages]),
        "location": accuracy([labels.location for labels in labels_of_pages]),
        "confusion": {
            f"{expected} -> {actual}": count for (expected, actual), count in sorted(pairs.items())
        },
    }


def summary(half: str) -> str:
    """Return the accuracies for a half in one line."""
    results = figures(half)
    return (
        f"{half} half, {results['pages']} pages: category {results['category']:.1%}, "
        f"location_type {results['location_type']:.1%}, location {results['location']:.1%}"
    )


def confusion(half: str) -> str:
    """Return the confusion matrix in Markdown, with a row for each expected and a column for each actual category."""
    pairs = Counter(labels.category for labels in apply_rules(half))
    numbers = range(1, len(CATEGORIES) + 1)
    lines = [f"| right \\ found | {' | '.join(map(str, numbers))} |", "|---|" + "--:|" * len(CATEGORIES)]
    for number, expected in enumerate(CATEGORIES, 1):
        cells = " | ".join(str(pairs[expected, actual] or "") for actual in CATEGORIES)
        lines.append(f"| {number} {expected} | {cells} |")
    return "\n".join(lines)


def documented(text: str) -> str:
    """Return the text of the documentation page with the current figures."""
    before, _, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    lines = [summary(half) for half in (WRITING, JUDGING)]
    summaries = "".join(f"- {line[0].upper()}{line[1:]}.\n" for line in lines)
    return f"{before}{_BEGIN}{summaries}\nThe judging half, by correct category (rows) and found category (columns):\n\n{confusion(JUDGING)}\n{end}{after}"


def errors(half: str) -> list[str]:
    """Return one line for each mistake of the rules in the writing half. For the judging half, return only an explanation."""
    if half == JUDGING:
        return ["mistakes in the judging half are not listed, so that nobody writes rules for its pages"]
    return [
        f"{labels.title}: {name} is {pair[0]}, found {pair[1]}"
        for labels in apply_rules(half)
        for name, pair in (
            ("category", labels.category),
            ("location_type", labels.location_type),
            ("location", labels.location),
        )
        if pair is not None and pair[0] != pair[1]
    ]


def milliseconds(rounds: int = 5) -> dict[str, float]:
    """Measure the processor time of the rules for the pages of a day.

    Returns:
        Three times in milliseconds: `first`, to load the rules once; `unseen`, for pages whose texts the caches do not contain;
        and `seen`, for the same pages again. `unseen` and `seen` are the shortest times of all rounds.
    """
    started_at = time.process_time()
    rules = Rules.load(LANGUAGE)
    first = time.process_time() - started_at
    unseen: list[float] = []
    seen: list[float] = []
    for round_number in range(rounds):
        pages = list(_day(f"x{round_number}"))
        for times in (unseen, seen):
            started_at = time.process_time()
            for page in pages:
                rules.labels(page.title, page)
            times.append(time.process_time() - started_at)
    return {
        name: round(1000 * value, 1)
        for name, value in (("first", first), ("unseen", min(unseen)), ("seen", min(seen)))
    }


def _day(suffix: str) -> Iterator[PageFacts]:
    """Yield as many pages as a day has, with as many categories as usual. The pages are copies of the labelled pages.

    Args:
        suffix: the end of every text, which makes the texts new to the caches of the rules.
    """
    pages = [facts_of(page) for half in (WRITING, JUDGING) for page in pages_of(half)]
    for number in range(PAGES_PER_DAY):
        page, repetition = pages[number % len(pages)], number // len(pages)
        categories = (page.categories * CATEGORIES_PER_PAGE)[:CATEGORIES_PER_PAGE]
        yield replace(
            page,
            description=f"{page.description} {suffix}{repetition}",
            categories=tuple(f"{category} {suffix}{repetition}" for category in categories),
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.categories", description=__doc__)
    parser.add_argument("--half", choices=(WRITING, JUDGING), default=JUDGING)
    parser.add_argument("--errors", action="store_true", help="list the mistakes of the writing half")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/categories.md")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    if options.write:
        DOCUMENTATION_PAGE.write_text(
            documented(DOCUMENTATION_PAGE.read_text(encoding="utf-8")), encoding="utf-8"
        )
        text = f"{DOCUMENTATION_PAGE.relative_to(ROOT)} written"
    elif options.json:
        text = json.dumps({**figures(options.half), "milliseconds_a_day": milliseconds()}, indent=2)
    elif options.errors:
        text = "\n".join(errors(options.half))
    else:
        times_ms = milliseconds()
        text = (
            f"{summary(options.half)}\n{PAGES_PER_DAY} pages, texts unseen {times_ms['unseen']:.0f} ms, seen {times_ms['seen']:.0f} ms; "
            f"reading the rules, once a process, {times_ms['first']:.0f} ms (processor time)\n\n{confusion(options.half)}"
        )
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

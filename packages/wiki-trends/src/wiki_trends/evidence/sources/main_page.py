"""Find the findings that the main page showed: the featured article, the news, "Did you know", and "On this day".

The featured article of each day has a page of its own, which is read as it is now. Of the other templates, the source reads the revision
at the end of the day. In a sentence of the main page, the link in bold leads to the subject. Links without bold count only in the list
of recent deaths.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from wiki_trends.evidence.model import dated, page_names, page_url, piece, rules
from wiki_trends.evidence.search import pages_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    from wiki_trends.evidence.model import Evidence
    from wiki_trends.evidence.search import Search

_FEATURED = "main-page-featured"
_TEMPLATES = ("main-page-news", "main-page-did-you-know", "main-page-on-this-day")
_MAX_DAYS = 6
_MAX_CHARACTERS = 100_000
_LINK = r"\[\[([^\[\]|#<>{}\n]{1,255})"
_BOLD = re.compile(r"'{3,5}")
_ANY_LINK = re.compile(_LINK)
_LINK_WITH_BOLD_TEXT = re.compile(rf"{_LINK}(?:#[^\[\]|\n]{{0,255}})?\|'{{3,5}}")
# The names of people who died recently are links without bold, in a parameter of the template of the news.
_RECENT_DEATHS = re.compile(r"\|\s*recentdeaths\s*=([^{}]{0,4000})")


class _Shown(NamedTuple):
    """A revision of a template of the main page, and the titles that it shows."""

    revision: int
    titles: list[str]


def main_page(search: Search) -> Iterator[Evidence]:
    """Yield what the main page showed on the day of a rise. At most six days are asked about, in the order of the findings."""
    names = page_names(search.project)
    if _FEATURED not in names:
        return
    days = search.days[:_MAX_DAYS]
    yield from _pieces(search, _FEATURED, _featured(search, names[_FEATURED], days))
    templates = [(rule, day, dated(names[rule], day)) for rule in _TEMPLATES for day in days]
    answers = search.queries.together(partial(_shown_on, search, title, day) for _, day, title in templates)
    for (rule, day, title), shown in zip(templates, answers, strict=True):
        yield from _pieces(search, rule, {day: (title, shown)})
    for rule in (_FEATURED, *_TEMPLATES):
        kind = str(rules()[rule]["kind"])
        search.asked[kind] |= {finding.page for finding in search.findings if finding.day in days}


def _featured(
    search: Search, pattern: str, days: Sequence[dt.date]
) -> dict[dt.date, tuple[str, _Shown | None]]:
    """Return the title and the content of the page about the featured article of each day. Days without such a page are left out."""
    titles = {day: dated(pattern, day) for day in days}
    params = {
        "action": "query",
        "titles": "|".join(titles[day] for day in sorted(days)),
        "prop": "revisions",
        "rvprop": "ids|content",
        "rvslots": "main",
    }
    shown = _shown_pages(search, params)
    # Only the first title in bold counts: it is the featured article.
    return {
        day: (title, shown[title]._replace(titles=shown[title].titles[:1]))
        for day, title in titles.items()
        if title in shown
    }


def _shown_on(search: Search, title: str, day: dt.date) -> _Shown | None:
    """Return what a template of the main page showed at the end of a day; None if the template did not exist."""
    params = {
        "action": "query",
        "titles": title,
        "prop": "revisions",
        "rvprop": "ids|content",
        "rvslots": "main",
        "rvlimit": "1",
        "rvstart": f"{day}T23:59:59Z",
    }
    shown = _shown_pages(search, params)
    return shown.get(title)


def _pieces(
    search: Search, rule: str, shown_by_day: Mapping[dt.date, tuple[str, _Shown | None]]
) -> Iterator[Evidence]:
    """Yield the evidence for each finding whose template showed its title on its day."""
    for finding in search.findings:
        title, shown = shown_by_day.get(finding.day, ("", None))
        if shown is not None and finding.title in shown.titles:
            source = page_url(search.project, title, oldid=shown.revision)
            yield piece(rule, finding.page, source, finding.day)


def _shown_pages(search: Search, params: Mapping[str, str]) -> dict[str, _Shown]:
    """Ask for revisions of pages, and return what each page shows, by the title of the page."""
    facts = search.queries.action(search.project, params, _facts_of)
    return {title: _Shown(revision, titles) for title, (revision, titles) in facts.items()}


def _facts_of(answers: Sequence[Any]) -> dict[str, list[Any]]:
    """Return the fields of `_Shown` for each page of the answers, as values of JSON, because the lake keeps them."""
    result: dict[str, list[Any]] = {}
    for page in pages_of(answers):
        for revision in page.get("revisions", [])[:1]:
            text = revision["slots"]["main"]["content"][:_MAX_CHARACTERS]
            names = dict.fromkeys(_as_title(title) for title in _bold_targets(text))
            result[page["title"]] = [int(revision["revid"]), list(names)]
    return result


def _bold_targets(text: str) -> Iterator[str]:
    """Yield the targets of the links in bold, and of those in the list of recent deaths."""
    for line in text.splitlines():
        # Every second part of the line is between two marks of bold. Bold text that is not closed ends at the end of its line.
        for bold in _BOLD.split(line)[1::2]:
            yield from _ANY_LINK.findall(bold)
        yield from _LINK_WITH_BOLD_TEXT.findall(line)
    for part in _RECENT_DEATHS.findall(text):
        yield from _ANY_LINK.findall(part)


def _as_title(target: str) -> str:
    """Return the title of a link as the API returns titles: spaces for underscores, and a capital first letter."""
    text = " ".join(target.replace("_", " ").split())
    return text[:1].upper() + text[1:]

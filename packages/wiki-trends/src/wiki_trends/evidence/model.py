"""Define the findings and their evidence, and read the rules of the evidence from `rules.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from wiki_trends.config.projects import host_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
VIEWS_URL = "https://wikimedia.org/api/rest_v1/metrics/pageviews/per-article/"


@dataclass(frozen=True, slots=True)
class Finding:
    """A page that certainly rose: its title as in the tables, the day of the rise, and the shape of the rise, if it has one."""

    page: str
    day: dt.date
    shape: str | None = None

    @property
    def title(self) -> str:
        """The title with spaces, as the Action API returns it."""
        return self.page.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of evidence for the rise of a page; `source` is the URL of the source, and `date` the day of the fact."""

    page: str
    rule: str
    text: str
    source: str
    date: dt.date

    @property
    def kind(self) -> str:
        """The kind of the evidence."""
        return str(rules()[self.rule]["kind"])

    @property
    def strength(self) -> float:
        """The strength of the evidence, from 0 to 1."""
        return float(rules()[self.rule]["strength"])


@dataclass(frozen=True, slots=True)
class ListedRedirect:
    """A redirect in the list of a day.

    Attributes:
        page: the title of the target, with underscores.
        redirect: the title of the redirect, with underscores.
        day: the UTC day.
        views: the views of the redirect.
        page_views: the views of the target with all its redirects.
    """

    page: str
    redirect: str
    day: dt.date
    views: int
    page_views: int


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads((files("wiki_trends.evidence") / "rules.toml").read_text("utf-8"))


def rules() -> Mapping[str, Mapping[str, Any]]:
    """Return the rules, by name."""
    rules_by_name: dict[str, dict[str, Any]] = _document()["rules"]
    return rules_by_name


def page_names(project: str) -> Mapping[str, str]:
    """Return the page that each rule reads in a project: its title with placeholders for the day. Empty for an unknown project."""
    names: dict[str, str] = _document()["pages"].get(project, {})
    return names


def languages() -> tuple[str, ...]:
    """Return the languages whose lists are compared, in the order of preference."""
    return tuple(_document()["languages"])


def dated(pattern: str, day: dt.date) -> str:
    """Return the title for a day, from the pattern of a title."""
    return pattern.format(year=day.year, month=MONTHS[day.month - 1], day=day.day)


def piece(rule: str, page: str, source: str, date: dt.date, **facts: object) -> Evidence:
    """Make a piece of evidence; `facts` fill the placeholders of the rule's sentence."""
    day = f"{date.day} {MONTHS[date.month - 1]} {date.year}"
    return Evidence(page, rule, str(rules()[rule]["sentence"]).format(date=day, **facts), source, date)


def page_url(project: str, title: str, **query: str | int) -> str:
    """Return the URL of a page of a project; `query` holds the parameters of `index.php`, such as `oldid`."""
    name = title.replace(" ", "_")
    if not query:
        return f"https://{host_of(project)}/wiki/{quote(name, safe=':/')}"
    return f"https://{host_of(project)}/w/index.php?{urlencode({'title': name, **query}, safe=':/')}"


def views_url(project: str, page: str, first: dt.date, last: dt.date) -> str:
    """Return the URL of the daily views of a page in Wikimedia's pageviews API."""
    return f"{VIEWS_URL}{project}/all-access/user/{quote(page, safe='')}/daily/{first:%Y%m%d}/{last:%Y%m%d}"

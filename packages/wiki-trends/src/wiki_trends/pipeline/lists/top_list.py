"""Parses and checks the API's list of a day's most-viewed pages.

The body must be of the requested day, project and access method, and must hold at least one article; each article must have
a title, views and a rank. Anything else raises `ContractBroken` with the first offending value.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from wiki_trends.config.projects import canonical_project
from wiki_trends.errors import ContractBroken

if TYPE_CHECKING:
    import datetime as dt

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Listed(NamedTuple):
    """A row of a list: the requested title, with underscores, its views, and its rank with ties (1, 2, 2, 4)."""

    title: str
    views: int
    rank: int


def parse_top_list(body: bytes, *, project: str, access: str, day: dt.date) -> list[Listed]:
    """The rows of a list in the API's order.

    Raises:
        ContractBroken: the body is not the requested list.
    """
    what = f"the list of {project} {access} for {day}"
    try:
        item = json.loads(body)["items"][0]
        articles = item["articles"]
        _check_identity(what, item, {"project": project, "access": access}, day)
        # The API's lists have at most 1,000 rows, lists from a dump any number.
        highest_rank = max(1000, len(articles))
        rows = [_row(what, article, highest_rank) for article in articles]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        problem = f"it has another form ({type(error).__name__}: {error})"
        raise ContractBroken(what=what, problem=problem) from None
    if not rows:
        raise ContractBroken(what=what, problem="it holds no article")
    return rows


def _check_identity(what: str, item: dict[str, Any], expected: dict[str, str], day: dt.date) -> None:
    for key, value in expected.items():
        if canonical_project(item[key]) != canonical_project(value):
            raise ContractBroken(what=what, problem=f"its {key} is {item[key]!r}")
    year, month, day_of_month = (int(item[key]) for key in ("year", "month", "day"))
    if (year, month, day_of_month) != (day.year, day.month, day.day):
        raise ContractBroken(what=what, problem=f"it is of {year}-{month:02}-{day_of_month:02}")


def _row(what: str, article: dict[str, Any], highest_rank: int) -> Listed:
    title = article["article"]
    if isinstance(title, str):
        # A lone surrogate cannot be encoded. Wikimedia itself writes U+FFFD for bytes that cannot be decoded.
        title = _LONE_SURROGATE.sub("\ufffd", title)
    row = Listed(title, article["views"], article["rank"])
    # `isinstance` would accept True and False, which are integers in Python.
    if not isinstance(row.title, str) or type(row.views) is not int or type(row.rank) is not int:
        raise ContractBroken(what=what, problem=f"a row is {article!r}")
    if not 0 <= row.views < 2**63 or not 1 <= row.rank <= highest_rank:
        raise ContractBroken(what=what, problem=f"{row.title!r} has {row.views} views and rank {row.rank}")
    return row

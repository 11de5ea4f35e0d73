"""Parses the API's list of a day's most-viewed pages and checks its contract.

The body must be of the requested day, project and access method and hold at least one article with title,
views and rank; anything else is `ContractBroken` with the first offending value.
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
    """One row of the list: `title` with underscores as it was requested, `rank` with ties (1, 2, 2, 4)."""

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
        # The API's lists have 1,000 rows at most; those from a dump any number.
        most = max(1000, len(articles))
        rows = [_row(what, article, most) for article in articles]
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
    written = tuple(int(item[key]) for key in ("year", "month", "day"))
    if written != (day.year, day.month, day.day):
        raise ContractBroken(what=what, problem="it is of {}-{:02}-{:02}".format(*written))


def _row(what: str, article: dict[str, Any], most: int) -> Listed:
    title = article["article"]
    if isinstance(title, str):
        # Lone surrogates cannot be encoded; Wikimedia writes U+FFFD for undecodable bytes too.
        title = _LONE_SURROGATE.sub("\ufffd", title)
    row = Listed(title, article["views"], article["rank"])
    # `type` and not `isinstance`: true and false are numbers to Python.
    if not isinstance(row.title, str) or type(row.views) is not int or type(row.rank) is not int:
        raise ContractBroken(what=what, problem=f"a row is {article!r}")
    if not 0 <= row.views < 2**63 or not 1 <= row.rank <= most:
        raise ContractBroken(what=what, problem=f"{row.title!r} has {row.views} views and rank {row.rank}")
    return row

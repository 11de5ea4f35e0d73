"""Parses and checks the API's list of a day's most-viewed pages.

A list must have the requested day, project and access method, and at least one article. Each article must have a title, views and a
rank. A list that breaks one of these rules raises `ContractBroken` with the first value that breaks the rule.
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


class ListRow(NamedTuple):
    """A row of a list: a title with underscores, its views, and its rank. Tied titles share a rank (1, 2, 2, 4)."""

    title: str
    views: int
    rank: int


def parse_top_list(body: bytes, *, project: str, access: str, day: dt.date) -> list[ListRow]:
    """Parse the body of a list into rows, in the API's order.

    Raises:
        ContractBroken: the body is not the requested list.
    """
    what = f"the list of {project} {access} for {day}"
    try:
        item = json.loads(body)["items"][0]
        articles = item["articles"]
        _check_attributes(what, item, {"project": project, "access": access}, day)
        # A list of the API has at most 1,000 rows. A list from a dump can have more.
        highest_rank = max(1000, len(articles))
        rows = [_parse_row(what, article, highest_rank) for article in articles]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        problem = f"it has another form ({type(error).__name__}: {error})"
        raise ContractBroken(what=what, problem=problem) from None
    if not rows:
        raise ContractBroken(what=what, problem="it holds no article")
    return rows


def _check_attributes(what: str, item: dict[str, Any], expected: dict[str, str], day: dt.date) -> None:
    for name, value in expected.items():
        # A project has several spellings. `canonical_project` does not change an access method.
        if canonical_project(item[name]) != canonical_project(value):
            raise ContractBroken(what=what, problem=f"its {name} is {item[name]!r}")
    year, month, day_of_month = (int(item[name]) for name in ("year", "month", "day"))
    if (year, month, day_of_month) != (day.year, day.month, day.day):
        raise ContractBroken(what=what, problem=f"it is of {year}-{month:02}-{day_of_month:02}")


def _parse_row(what: str, article: dict[str, Any], highest_rank: int) -> ListRow:
    title = article["article"]
    if isinstance(title, str):
        # A lone surrogate cannot be encoded. Wikimedia itself writes U+FFFD for bytes that cannot be decoded.
        title = _LONE_SURROGATE.sub("\ufffd", title)
    row = ListRow(title, article["views"], article["rank"])
    # `isinstance` would accept True and False, which are integers in Python.
    if not isinstance(row.title, str) or type(row.views) is not int or type(row.rank) is not int:
        raise ContractBroken(what=what, problem=f"a row is {article!r}")
    if not 0 <= row.views < 2**63 or not 1 <= row.rank <= highest_rank:
        raise ContractBroken(what=what, problem=f"{row.title!r} has {row.views} views and rank {row.rank}")
    return row

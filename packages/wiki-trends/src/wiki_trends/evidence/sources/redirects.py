"""Find the pages whose views came through a redirect that is usually read less, in the lists of the lake. Nothing is requested."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from wiki_trends.evidence.model import page_url, piece, rules

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from wiki_trends.evidence.model import Evidence
    from wiki_trends.evidence.search import Search

_RULE = "redirect-brought-the-views"


def redirects(search: Search) -> Iterator[Evidence]:
    """Yield the redirect through which most views on the day of a rise came.

    Its share of the views must be at least `share`, and at least `times` as large as on any other day. The day before and the day after
    the rise are not compared.
    """
    limits = rules()[_RULE]
    shares: dict[tuple[str, str], dict[dt.date, float]] = defaultdict(dict)
    for row in search.redirects:
        shares[row.page, row.redirect][row.day] = row.views / max(row.page_views, 1)
    for finding in search.findings:
        for (page, redirect), share_by_day in shares.items():
            share = share_by_day.get(finding.day, 0.0)
            shares_on_other_days = [
                other_share for day, other_share in share_by_day.items() if abs((day - finding.day).days) > 1
            ]
            is_unusual = share >= limits["times"] * max(shares_on_other_days, default=0.0)
            if page == finding.page and share >= limits["share"] and is_unusual:
                source = page_url(search.project, redirect, redirect="no")
                title, percent = redirect.replace("_", " "), round(100 * share)
                yield piece(_RULE, page, source, finding.day, title=title, percent=percent)
                break

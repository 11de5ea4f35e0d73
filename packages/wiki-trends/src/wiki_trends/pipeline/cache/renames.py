"""Finds pages that were renamed or redirected between two days, in the cached facts about pages.

The titles of a day are canonical when the day is made. A page that is moved later has its old title on the days before, and its new
title on the days after. Two cached facts show that both titles are one page: the old title redirects to the new title, or both titles
have the same Wikidata item, because an item has at most one page of a wiki. Nothing is requested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl


def renamed_pages(facts: pl.DataFrame) -> dict[str, str]:
    """Return the newest title of each page for its older titles and for the titles of its redirects, all with underscores.

    Args:
        facts: rows of the cache, with the columns of `facts.frame_schema`, ordered by the time of the response.
    """
    import polars as pl

    newest = facts.unique("requested", keep="last", maintain_order=True).filter(
        ~pl.col("missing"), pl.col("namespace") == 0
    )
    titles = newest.select(
        old=_with_underscores("requested"), new=_with_underscores("title"), item="wikidata_id"
    ).with_row_index("order")
    # Titles that were not redirects when they were requested. A redirect has the Wikidata item of its target, so its item shows no move.
    pages = titles.filter(pl.col("old") == pl.col("new"), pl.col("item").is_not_null(), pl.col("item") != "")
    last = pages.group_by("item").agg(pl.col("new").sort_by("order").last().alias("last"), pl.len())
    moved = pages.join(last.filter(pl.col("len") > 1), on="item").filter(pl.col("new") != pl.col("last"))
    targets = dict(titles.filter(pl.col("old") != pl.col("new")).select("old", "new").iter_rows())
    targets |= dict(moved.select("old", "last").iter_rows())
    resolved = {title: _last_title(title, targets) for title in targets}
    return {title: last for title, last in resolved.items() if last != title}


def _with_underscores(column: str) -> pl.Expr:
    import polars as pl

    return pl.col(column).str.replace_all(" ", "_", literal=True)


def _last_title(title: str, targets: Mapping[str, str]) -> str:
    """Follow the redirects from a title to the last title. For a circle, return the title itself."""
    seen = [title]
    while (following := targets.get(seen[-1])) is not None:
        if following in seen:
            return title
        seen.append(following)
    return seen[-1]

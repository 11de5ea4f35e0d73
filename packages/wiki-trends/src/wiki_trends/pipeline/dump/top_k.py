"""The most viewed titles out of the lines of a dump, without holding all of them.

Lines are frames with a row a record: `title` (text), `device` (one of `DEVICES`) and `views` (of the day, 32
bits). A title has a record for each device, or more when its page was made anew, and they can be in several frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.pipeline.lists.top_list import Listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

DEVICES = ("desktop", "mobile-web", "mobile-app")
ACCESSES = ("all-access", *DEVICES)
MOST_ROWS_IN_MEMORY = 100_000
# Of a title in a sorted file. A piece in which one has more is kept whole.
MOST_RECORDS = 8


class NotInOrder(Exception):
    """The titles of a file do not follow each other."""


class Sums:
    """Views by title and device, piece by piece.

    In a single file, which is sorted, only the first and the last title of a piece can be in another one. Of the rest, what
    has fewer views than so many others have already can be left out before it is added up.

    Args:
        folder: for what does not fit into memory.
        number: how many titles are wanted of each access method.
        in_order: all pieces are of one sorted file.
    """

    def __init__(self, folder: Path, number: int, *, in_order: bool) -> None:
        self._folder = folder
        self._number = number
        self._in_order = in_order
        self._pending: list[pl.DataFrame] = []
        self._rows = 0
        self._last = ""
        self._ends: list[tuple[str, bool]] = []
        self._best: dict[str, list[pl.DataFrame]] = {}

    def add(self, lines: pl.DataFrame) -> None:
        """Take in the lines of one piece.

        Raises:
            NotInOrder: its titles do not come after those of the piece before, as they should.
        """
        if not lines.height:
            return
        if self._in_order:
            if str(lines["title"].min()) < self._last:
                raise NotInOrder
            self._last = str(lines["title"].max())
        self._pending.append(lines)
        self._rows += lines.height
        if self._rows > MOST_ROWS_IN_MEMORY:
            self._put_away()

    def possible(self, lines: pl.DataFrame) -> pl.DataFrame:
        """A piece without most of the titles that cannot be among the first any more, for `add`. Safe between threads.

        A title that can be has, among its few records, one with its share of the views that takes. Those records are kept,
        and around each as many as one title may have, so that it is there with all of them; so are those at both ends of the
        piece, whose titles may go on in another one. Titles that stay with a part of their records are too small to matter.
        """
        import polars as pl

        title, views = lines["title"], pl.col("views")
        if not (self._in_order and self._best and title.is_sorted()) or _has_equal(title, MOST_RECORDS):
            return lines
        large = views >= self._least("all-access", MOST_RECORDS)
        for device in DEVICES:
            large |= (pl.col("device") == device) & (views >= self._least(device, MOST_RECORDS))
        rows = lines.select(large).to_series().arg_true().cast(pl.Int64)
        if rows.len() * 2 * MOST_RECORDS > lines.height:
            return lines
        ends = pl.Series([0, lines.height - 1])
        around = pl.concat([rows, ends]).rename("row").to_frame()
        first, last = pl.col("row") - MOST_RECORDS, pl.col("row") + MOST_RECORDS
        near = around.select(pl.int_ranges(first, last + 1).explode()).to_series().unique().sort()
        return lines[near.filter((near >= 0) & (near < lines.height))]

    def tops(self) -> dict[str, list[Listed]]:
        """The first titles by views of each access method; nothing at all when there are none.

        A page among the first has at least as many views as the last of any so many pages, and in one of the pieces that
        it is in at least its share of them. Only the pages that have that are added up.
        """
        import polars as pl

        self._put_away()
        if not self._ends:
            return {}
        pieces = self._most_pieces()
        enough = pl.any_horizontal(_views(access) >= self._least(access, pieces) for access in ACCESSES)
        titles = pl.concat(frame.filter(enough).select("title") for frame in self._frames()).unique()
        pages = _added(pl.concat(frame.join(titles, on="title", how="semi") for frame in self._frames()))
        every = {access: pages.select("title", views=_views(access)) for access in ACCESSES}
        return {access: _ranked(one, self._number) for access, one in every.items()}

    def _put_away(self) -> None:
        """Write what is pending, and learn from it how many views it takes to be among the first."""
        import polars as pl

        if not self._pending:
            return
        rows = _by_title(pl.concat(self._pending))
        self._ends += [(str(rows["title"].min()), False), (str(rows["title"].max()), True)]
        rows.write_ipc(self._folder / f"{len(self._ends):08}.ipc")
        self._pending, self._rows = [], 0
        for access in ACCESSES:
            views = pl.col("views")
            found = rows.select("title", views=_views(access)).filter(views > self._surely(access))
            found = found.top_k(self._number, by="views")
            # A title can be in several pieces, and counts once.
            best = pl.concat([*self._best.get(access, []), found]).group_by("title").agg(views.max())
            self._best[access] = [best.top_k(self._number, by="views")]

    def _surely(self, access: str) -> int:
        """Views that at least so many pages have, by what is in single pieces."""
        best = self._best.get(access, [])
        enough = best and best[0].height >= self._number
        return best[0]["views"].min() if enough else 0  # type: ignore[return-value]

    def _least(self, access: str, parts: int) -> float:
        """Views that a title among the first has in at least one of its parts."""
        return max(1.0, self._surely(access) / parts)

    def _most_pieces(self) -> int:
        """Frames that one title can be in, by their first and last titles."""
        depth = most = 0
        for _, is_last in sorted(self._ends):
            depth += -1 if is_last else 1
            most = max(most, depth)
        return most

    def _frames(self) -> Iterator[pl.DataFrame]:
        import polars as pl

        for path in sorted(self._folder.glob("*.ipc")):
            yield pl.read_ipc(path)


def _has_equal(title: pl.Series, distance: int) -> bool:
    """Some title is the same as the one so many rows before."""
    return bool((title == title.shift(distance)).any())


def _by_title(lines: pl.DataFrame) -> pl.DataFrame:
    """One row a title with its views by device."""
    import polars as pl

    views = pl.col("views").cast(pl.Int64)
    by_device = lines.select("title", **{name: views * (pl.col("device") == name) for name in DEVICES})
    return _added_in_order(by_device) if lines["title"].is_sorted() else _added(by_device)


def _added_in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """The same as `_added`, in a quarter of its time where the rows of a title follow each other."""
    import polars as pl

    last_of_title = (pl.col("title") != pl.col("title").shift(-1)).fill_null(value=True)
    return (
        frame.lazy()
        .select("title", pl.col(*DEVICES).cum_sum(), last=last_of_title)
        .filter("last")
        .select("title", pl.col(*DEVICES) - pl.col(*DEVICES).shift(1, fill_value=0))
        .collect()
    )


def _added(frame: pl.DataFrame) -> pl.DataFrame:
    """One row a title, its views added up."""
    import polars as pl

    return frame.group_by("title").agg(pl.col(*DEVICES).sum())


def _views(access: str) -> pl.Expr:
    import polars as pl

    return pl.sum_horizontal(DEVICES) if access == "all-access" else pl.col(access)


def _ranked(frame: pl.DataFrame, number: int) -> list[Listed]:
    import polars as pl

    viewed = frame.filter(pl.col("views") > 0)
    if not viewed.height:
        return []
    # All that tie with the last one, so that the order among them decides.
    first = (
        viewed.filter(pl.col("views") >= viewed["views"].top_k(number).min())
        .sort(["views", "title"], descending=[True, False])
        .head(number)
    )
    ranked = first.with_columns(rank=pl.col("views").rank("min", descending=True).cast(pl.Int64))
    return [Listed(*row) for row in ranked.iter_rows()]

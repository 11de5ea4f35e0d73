"""The most viewed titles out of the pieces of a dump, without holding all of them.

Frames have a row a title with its views by device: `title` (text), `desktop`, `mobile-web`, `mobile-app` (views of the
day). A title is once in a frame, and can be in several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.pipeline.top_list import Listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

DEVICES = ("desktop", "mobile-web", "mobile-app")
ACCESSES = ("all-access", *DEVICES)
MOST_ROWS_IN_MEMORY = 100_000


class NotInOrder(Exception):
    """The titles of a file do not follow each other."""


class Sums:
    """Views by title and device, piece by piece.

    In a single file, which is sorted, only the first and the last title of a piece can be in another one. The rest can be
    pruned: what has fewer views than so many others have already.

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
        self._ends: list[tuple[str, bool]] = []
        self._best: dict[str, list[pl.DataFrame]] = {}

    def add(self, frame: pl.DataFrame) -> None:
        """Take in the rows of one piece.

        Raises:
            NotInOrder: its titles do not come after those of the piece before, as they should.
        """
        if not frame.height:
            return
        first, last = str(frame["title"].min()), str(frame["title"].max())
        if self._in_order and self._ends and first < self._ends[-1][0]:
            raise NotInOrder
        self._ends += [(first, False), (last, True)]
        self._pending.append(frame)
        self._rows += frame.height
        if self._rows > MOST_ROWS_IN_MEMORY:
            self._put_away()

    def pruned(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A piece without titles that cannot be among the first any more, for `add`. Safe between threads."""
        import polars as pl

        if not self._in_order or frame.height <= self._number:
            return frame
        title = pl.col("title")
        # The first and the last one may go on in another piece.
        return frame.filter(self._possible(1) | (title == title.min()) | (title == title.max()))

    def tops(self) -> dict[str, list[Listed]]:
        """The first titles by views of each access method; nothing at all when there are none.

        A page among the first has at least as many views as the last of any so many pages, and in one of the pieces that
        it is in at least its share of them. Only the pages that have that are added up.
        """
        import polars as pl

        if not self._ends:
            return {}
        self._put_away()
        possible = self._possible(self._most_pieces())
        titles = pl.concat(frame.filter(possible).select("title") for frame in self._frames()).unique()
        pages = added(pl.concat(frame.join(titles, on="title", how="semi") for frame in self._frames()))
        every = {access: pages.select("title", views=_views(access)) for access in ACCESSES}
        return {access: _ranked(one, self._number) for access, one in every.items()}

    def _put_away(self) -> None:
        """Write what is pending, and learn from it how many views it takes to be among the first."""
        import polars as pl

        if not self._pending:
            return
        rows = pl.concat(self._pending)
        rows.write_ipc(self._folder / f"{len(self._ends):08}.ipc")
        self._pending, self._rows = [], 0
        for access in ACCESSES:
            found = rows.select("title", views=_views(access)).filter(pl.col("views") > self._surely(access))
            # A title can be in several pieces, and counts once.
            best = (
                pl.concat([*self._best.get(access, []), found]).group_by("title").agg(pl.col("views").max())
            )
            self._best[access] = [best.top_k(self._number, by="views")]

    def _surely(self, access: str) -> int:
        """Views that at least so many pages have, by what is in single pieces."""
        best = self._best.get(access, [])
        enough = best and best[0].height >= self._number
        return best[0]["views"].min() if enough else 0  # type: ignore[return-value]

    def _possible(self, in_pieces: int) -> pl.Expr:
        import polars as pl

        least = {access: max(1.0, self._surely(access) / in_pieces) for access in ACCESSES}
        return pl.any_horizontal(_views(access) >= views for access, views in least.items())

    def _most_pieces(self) -> int:
        """Pieces that one title can be in, by their first and last titles."""
        depth = most = 0
        for _, is_last in sorted(self._ends):
            depth += -1 if is_last else 1
            most = max(most, depth)
        return most

    def _frames(self) -> Iterator[pl.DataFrame]:
        import polars as pl

        for path in sorted(self._folder.glob("*.ipc")):
            yield pl.read_ipc(path)


def added(frame: pl.DataFrame) -> pl.DataFrame:
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

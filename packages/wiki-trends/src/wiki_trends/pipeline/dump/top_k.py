"""Finds the most viewed titles among the records of a dump, without holding all records in memory.

Records come in frames, one row for each record: `title` (text), `device` (one of `DEVICES`) and `views` (of the day, 32 bits).
A title has a record for each device, and more if its page was deleted and created again; they can be in several frames. A
space and an underscore are the same character in a title, but files are sorted as if they were different.
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
# At most so many records of one title are expected in a block. Nothing is dropped from a block in which a title has more.
MOST_RECORDS = 8


class NotInOrder(Exception):
    """The titles of a file are not sorted."""


class Threshold:
    """A lower bound of the views that a title needs to be in the list, raised with each run of summed records.

    Let `number` be the length of the list, and `v` the views of the title at place `number` among the titles so far. At
    least `number` titles have `v` views or more, so a title with fewer views cannot be in the list. The views of a title
    can be split into several pieces: its records in one sorted block, or its rows in several runs. If it has at most `pieces`
    pieces and at least `v` views, its largest piece has at least `v / pieces` views. So a title can be dropped, without
    adding anything up, if each of its pieces has fewer than `v / pieces` views.

    For example, let a list of two titles be wanted. After a first run in which A has 90 views, B 60 and C 10, `v` is 60:

        >>> import polars as pl
        >>> threshold = Threshold(2)
        >>> views = {"desktop": [90, 50, 10], "mobile-web": [0, 10, 0], "mobile-app": [0, 0, 0]}
        >>> threshold.learn(pl.DataFrame({"title": ["A", "B", "C"], **views}))
        >>> threshold.needed("all-access", pieces=1)
        60.0

    A title D whose views are spread over at most three runs can be in the list only if it has at least 20 views in one
    of the runs:

        >>> threshold.needed("all-access", pieces=3)
        20.0

    Args:
        number: the length of the list of each access method.

    Raises:
        ValueError: `number` is not positive.
    """

    def __init__(self, number: int) -> None:
        if number < 1:
            message = f"the first {number} titles: the number must be 1 or more"
            raise ValueError(message)
        self._number = number
        self._best: dict[str, pl.DataFrame] = {}

    @property
    def learned(self) -> bool:
        """Whether there has been a run."""
        return bool(self._best)

    def learn(self, run: pl.DataFrame) -> None:
        """Raise the threshold with a run, which has one row for each title, with the views by device."""
        import polars as pl

        for access in ACCESSES:
            views = pl.col("views")
            candidates = run.select("title", views=_views(access)).filter(views > self._lower_bound(access))
            candidates = candidates.top_k(self._number, by="views")
            before = [self._best[access]] if access in self._best else []
            # A title can be in several runs, and counts once.
            best = pl.concat([*before, candidates]).group_by("title").agg(views.max())
            self._best[access] = best.top_k(self._number, by="views")

    def needed(self, access: str, *, pieces: int) -> float:
        """The views that the largest piece of a title must have if its views are split into at most `pieces` pieces."""
        return max(1.0, self._lower_bound(access) / pieces)

    def _lower_bound(self, access: str) -> int:
        """The number of views that at least `number` titles have."""
        best = self._best.get(access)
        if best is None or best.height < self._number:
            return 0
        return best["views"].min()  # type: ignore[return-value]


class TopTitles:
    """Sums the views of each title by device, and makes the lists of the most viewed titles.

    Frames are collected until they have `MOST_ROWS_IN_MEMORY` rows, then summed and written to disk as a run. A single file
    is sorted, so only the first and the last title of a block can be in another block. Of the other titles, those below the
    threshold are dropped before anything is summed.

    Args:
        folder: folder for the runs.
        number: length of the list of each access method.
        in_order: all frames come from one sorted file.
    """

    def __init__(self, folder: Path, number: int, *, in_order: bool) -> None:
        self._folder = folder
        self._number = number
        self._in_order = in_order
        self._pending: list[pl.DataFrame] = []
        self._pending_rows = 0
        self._last_title = ""
        self._run_bounds: list[tuple[str, bool]] = []
        self._threshold = Threshold(number)

    def add(self, records: pl.DataFrame) -> None:
        """Add the records of one block.

        Raises:
            NotInOrder: the records should be sorted, and a title sorts before a title of an earlier block.
        """
        if not records.height:
            return
        if self._in_order:
            if str(records["title"].min()) < self._last_title:
                raise NotInOrder
            self._last_title = str(records["title"].max())
        self._pending.append(records)
        self._pending_rows += records.height
        if self._pending_rows > MOST_ROWS_IN_MEMORY:
            self._write_run()

    def drop_small(self, records: pl.DataFrame) -> pl.DataFrame:
        """A block without most of the titles that cannot be in a list. Thread-safe.

        Every title that can be in a list has a record at or above the threshold for `MOST_RECORDS` pieces. Kept are these
        records, and `MOST_RECORDS` rows before and after each, which include all records of the title, since they are
        neighbours. The rows at both ends of the block are kept, too: their titles may continue in another block. Some other
        titles keep a part of their records. Their sums are too low, but they cannot be in a list with all records either.
        """
        import polars as pl

        title, views = records["title"], pl.col("views")
        usable = self._in_order and self._threshold.learned and title.is_sorted()
        if not usable or _has_repeats(title, MOST_RECORDS):
            return records
        large = views >= self._threshold.needed("all-access", pieces=MOST_RECORDS)
        for device in DEVICES:
            least = self._threshold.needed(device, pieces=MOST_RECORDS)
            large |= (pl.col("device") == device) & (views >= least)
        # The records of a title with spaces are not beside those of the same title with underscores.
        large |= pl.col("title").str.contains(" ", literal=True)
        rows = records.select(large).to_series().arg_true().cast(pl.Int64)
        if rows.len() * 2 * MOST_RECORDS > records.height:
            return records
        ends = pl.Series([0, records.height - 1])
        centers = pl.concat([rows, ends]).rename("row").to_frame()
        first, last = pl.col("row") - MOST_RECORDS, pl.col("row") + MOST_RECORDS
        near = centers.select(pl.int_ranges(first, last + 1).explode()).to_series().unique().sort()
        return records[near.filter((near >= 0) & (near < records.height))]

    def lists(self) -> dict[str, list[Listed]]:
        """The lists by access method; empty if there are no records.

        Only titles that reach the threshold in at least one run are summed over all runs.
        """
        import polars as pl

        self._write_run()
        if not self._run_bounds:
            return {}
        pieces = self._most_runs_of_a_title()
        enough = pl.any_horizontal(
            _views(access) >= self._threshold.needed(access, pieces=pieces) for access in ACCESSES
        )
        titles = pl.concat(run.filter(enough).select("title") for run in self._runs()).unique()
        pages = _sum_titles(pl.concat(run.join(titles, on="title", how="semi") for run in self._runs()))
        by_access = {access: pages.select("title", views=_views(access)) for access in ACCESSES}
        return {access: _rank(frame, self._number) for access, frame in by_access.items()}

    def _write_run(self) -> None:
        """Sum the pending records, write them as a run, and raise the threshold."""
        import polars as pl

        if not self._pending:
            return
        run = _sum_records(pl.concat(self._pending))
        self._run_bounds += [(str(run["title"].min()), False), (str(run["title"].max()), True)]
        run.write_ipc(self._folder / f"{len(self._run_bounds):08}.ipc")
        self._pending, self._pending_rows = [], 0
        self._threshold.learn(run)

    def _most_runs_of_a_title(self) -> int:
        """The largest number of runs that can share a title, by the first and the last title of each run."""
        depth = most = 0
        for _, is_last in sorted(self._run_bounds):
            depth += -1 if is_last else 1
            most = max(most, depth)
        return most

    def _runs(self) -> Iterator[pl.DataFrame]:
        import polars as pl

        for path in sorted(self._folder.glob("*.ipc")):
            yield pl.read_ipc(path)


def _has_repeats(title: pl.Series, distance: int) -> bool:
    """Whether any title equals the title `distance` rows before it."""
    return bool((title == title.shift(distance)).any())


def _sum_records(records: pl.DataFrame) -> pl.DataFrame:
    """One row for each title, with underscores, and its views by device."""
    import polars as pl

    views = pl.col("views").cast(pl.Int64)
    title = pl.col("title").str.replace_all(" ", "_", literal=True)
    by_device = records.select(title, **{name: views * (pl.col("device") == name) for name in DEVICES})
    return _sum_sorted(by_device) if by_device["title"].is_sorted() else _sum_titles(by_device)


def _sum_sorted(frame: pl.DataFrame) -> pl.DataFrame:
    """The result of `_sum_titles` for sorted titles, in a quarter of the time."""
    import polars as pl

    last_of_title = (pl.col("title") != pl.col("title").shift(-1)).fill_null(value=True)
    return (
        frame.lazy()
        .select("title", pl.col(*DEVICES).cum_sum(), last=last_of_title)
        .filter("last")
        .select("title", pl.col(*DEVICES) - pl.col(*DEVICES).shift(1, fill_value=0))
        .collect()
    )


def _sum_titles(frame: pl.DataFrame) -> pl.DataFrame:
    """One row for each title, with the sums of its views by device."""
    import polars as pl

    return frame.group_by("title").agg(pl.col(*DEVICES).sum())


def _views(access: str) -> pl.Expr:
    import polars as pl

    return pl.sum_horizontal(DEVICES) if access == "all-access" else pl.col(access)


def _rank(frame: pl.DataFrame, number: int) -> list[Listed]:
    import polars as pl

    viewed = frame.filter(pl.col("views") > 0)
    if not viewed.height:
        return []
    # `top_k` breaks ties arbitrarily. So every title that ties with the last one is kept, and sorted by title.
    first = (
        viewed.filter(pl.col("views") >= viewed["views"].top_k(number).min())
        .sort(["views", "title"], descending=[True, False])
        .head(number)
    )
    ranked = first.with_columns(rank=pl.col("views").rank("min", descending=True).cast(pl.Int64))
    return [Listed(*row) for row in ranked.iter_rows()]

"""Finds the most viewed titles among the records of a dump, without holding all records in memory.

A frame of records has one row for each record: `title` (text), `device` (one of `DEVICES`) and `views` (the day's views, 32 bits).
A title has a record for each device, and further records if its page was deleted and created again. The records of a title can be
in several frames. A space and an underscore are the same character in a title, but files are sorted as if they were different.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.pipeline.lists.top_list import ListRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

DEVICES = ("desktop", "mobile-web", "mobile-app")
ACCESSES = ("all-access", *DEVICES)
MAX_ROWS_IN_MEMORY = 100_000
# The largest expected number of records of one title in a block. A block in which a title has more records is kept completely.
MAX_RECORDS_PER_TITLE = 8


class NotInOrder(Exception):
    """The titles of a file are not sorted."""


class Threshold:
    """A lower bound of the views that a title needs to be in the list. Each run of summed records raises the bound.

    Order the titles so far by their views. `v` is the number of views of the title at place `list_length`. At least `list_length` titles
    have `v` views or more, so a title with fewer views cannot be in the list.

    The views of a title can be split into pieces: records in one sorted block, or rows in several runs. If a title has at least `v` views
    in at most `pieces` pieces, its largest piece has at least `v / pieces` views. So a title whose pieces all have fewer views can be
    dropped before its views are summed.

    For example, let the list have two titles. In the first run, A has 90 views, B 60 and C 10, so `v` is 60:

        >>> import polars as pl
        >>> threshold = Threshold(2)
        >>> views = {"desktop": [90, 50, 10], "mobile-web": [0, 10, 0], "mobile-app": [0, 0, 0]}
        >>> threshold.add_run(pl.DataFrame({"title": ["A", "B", "C"], **views}))
        >>> threshold.views_required("all-access", pieces=1)
        60.0

    A title D has rows in at most three runs. D can be in the list only if it has at least 20 views in one of the runs:

        >>> threshold.views_required("all-access", pieces=3)
        20.0

    Args:
        list_length: the length of the list of each access method.

    Raises:
        ValueError: `list_length` is not positive.
    """

    def __init__(self, list_length: int) -> None:
        if list_length < 1:
            message = f"the first {list_length} titles: the number must be 1 or more"
            raise ValueError(message)
        self._list_length = list_length
        self._best: dict[str, pl.DataFrame] = {}

    @property
    def has_runs(self) -> bool:
        """Whether a run has been added."""
        return bool(self._best)

    def add_run(self, run: pl.DataFrame) -> None:
        """Raise the threshold with a run: a frame with one row for each title and its views by device."""
        import polars as pl

        for access in ACCESSES:
            views = pl.col("views")
            candidates = run.select("title", views=_views_expression(access)).filter(
                views > self._lower_bound(access)
            )
            candidates = candidates.top_k(self._list_length, by="views")
            earlier = [self._best[access]] if access in self._best else []
            # A title can be in several runs, but the bound counts titles, so each title counts once.
            best = pl.concat([*earlier, candidates]).group_by("title").agg(views.max())
            self._best[access] = best.top_k(self._list_length, by="views")

    def views_required(self, access: str, *, pieces: int) -> float:
        """Return the views that the largest piece of a title must have if the views are split into at most `pieces` pieces."""
        return max(1.0, self._lower_bound(access) / pieces)

    def _lower_bound(self, access: str) -> int:
        """Return the views of the title at place `list_length` among the titles so far; 0 if there are too few titles."""
        best = self._best.get(access)
        if best is None or best.height < self._list_length:
            return 0
        return best["views"].min()  # type: ignore[return-value]


class TopTitles:
    """Sums the views of each title by device, and makes the lists of the most viewed titles.

    Frames are collected until they have `MAX_ROWS_IN_MEMORY` rows, then summed and written to disk as a run. A single file
    is sorted, so only the first and the last title of a block can be in another block. Any other title below the threshold
    is dropped before its views are summed.

    Args:
        folder: the folder for the runs.
        list_length: the length of the list of each access method.
        is_sorted: whether all frames come from one sorted file.
    """

    def __init__(self, folder: Path, list_length: int, *, is_sorted: bool) -> None:
        self._folder = folder
        self._list_length = list_length
        self._is_sorted = is_sorted
        self._pending: list[pl.DataFrame] = []
        self._pending_rows = 0
        self._last_title = ""
        # For each run: its first title with False, and its last title with True.
        self._run_bounds: list[tuple[str, bool]] = []
        self._threshold = Threshold(list_length)

    def add(self, records: pl.DataFrame) -> None:
        """Add the records of one block.

        Raises:
            NotInOrder: `is_sorted` is set, and a title sorts before a title of an earlier block.
        """
        if not records.height:
            return
        if self._is_sorted:
            if str(records["title"].min()) < self._last_title:
                raise NotInOrder
            self._last_title = str(records["title"].max())
        self._pending.append(records)
        self._pending_rows += records.height
        if self._pending_rows > MAX_ROWS_IN_MEMORY:
            self._write_run()

    def drop_small_records(self, records: pl.DataFrame) -> pl.DataFrame:
        """Drop from a block most of the titles that cannot be in a list. Thread-safe.

        Every title that can be in a list has a large record: its views reach the threshold for `MAX_RECORDS_PER_TITLE` pieces.
        The result keeps each large record and `MAX_RECORDS_PER_TITLE` rows before and after it. These rows include all records
        of the title, because the block is sorted. The result also keeps the rows at both ends of the block, because their
        titles may continue in another block. A title without a large record can lose a part of its records. Its sum is then
        too low, but the title cannot be in a list even with all records.
        """
        import polars as pl

        title, views = records["title"], pl.col("views")
        can_drop = self._is_sorted and self._threshold.has_runs and title.is_sorted()
        if not can_drop or _has_repeats(title, MAX_RECORDS_PER_TITLE):
            return records
        is_large = views >= self._threshold.views_required("all-access", pieces=MAX_RECORDS_PER_TITLE)
        for device in DEVICES:
            required = self._threshold.views_required(device, pieces=MAX_RECORDS_PER_TITLE)
            is_large |= (pl.col("device") == device) & (views >= required)
        # A title can have records with spaces and records with underscores. They are not next to each other.
        is_large |= pl.col("title").str.contains(" ", literal=True)
        large_rows = records.select(is_large).to_series().arg_true().cast(pl.Int64)
        # If almost all rows are near a large record, dropping the other rows would save no time.
        if large_rows.len() * 2 * MAX_RECORDS_PER_TITLE > records.height:
            return records
        ends = pl.Series([0, records.height - 1])
        centers = pl.concat([large_rows, ends]).rename("row").to_frame()
        first, last = pl.col("row") - MAX_RECORDS_PER_TITLE, pl.col("row") + MAX_RECORDS_PER_TITLE
        kept_rows = centers.select(pl.int_ranges(first, last + 1).explode()).to_series().unique().sort()
        return records[kept_rows.filter((kept_rows >= 0) & (kept_rows < records.height))]

    def lists(self) -> dict[str, list[ListRow]]:
        """Return the lists by access method; empty if there are no records.

        Only a title that reaches the threshold in at least one run is summed over all runs.
        """
        import polars as pl

        self._write_run()
        if not self._run_bounds:
            return {}
        pieces = self._max_runs_of_a_title()
        reaches_threshold = pl.any_horizontal(
            _views_expression(access) >= self._threshold.views_required(access, pieces=pieces)
            for access in ACCESSES
        )
        titles = pl.concat(
            run.filter(reaches_threshold).select("title") for run in self._read_runs()
        ).unique()
        pages = _sum_titles(pl.concat(run.join(titles, on="title", how="semi") for run in self._read_runs()))
        by_access = {access: pages.select("title", views=_views_expression(access)) for access in ACCESSES}
        return {access: _rank_titles(frame, self._list_length) for access, frame in by_access.items()}

    def _write_run(self) -> None:
        """Sum the pending records, write them as a run, and raise the threshold."""
        import polars as pl

        if not self._pending:
            return
        run = _sum_records(pl.concat(self._pending))
        self._run_bounds += [(str(run["title"].min()), False), (str(run["title"].max()), True)]
        run.write_ipc(self._folder / f"{len(self._run_bounds):08}.ipc")
        self._pending, self._pending_rows = [], 0
        self._threshold.add_run(run)

    def _max_runs_of_a_title(self) -> int:
        """Return the largest number of runs that can share a title, by the first and the last title of each run."""
        open_runs = max_open_runs = 0
        # False sorts before True. So if a run begins with the last title of another run, both runs count as open at this title.
        for _, is_last in sorted(self._run_bounds):
            open_runs += -1 if is_last else 1
            max_open_runs = max(max_open_runs, open_runs)
        return max_open_runs

    def _read_runs(self) -> Iterator[pl.DataFrame]:
        import polars as pl

        for path in sorted(self._folder.glob("*.ipc")):
            yield pl.read_ipc(path)


def _has_repeats(title: pl.Series, distance: int) -> bool:
    """Return whether any title equals the title `distance` rows before it."""
    return bool((title == title.shift(distance)).any())


def _sum_records(records: pl.DataFrame) -> pl.DataFrame:
    """Sum the views of records by title and device; the titles of the result have underscores."""
    import polars as pl

    views = pl.col("views").cast(pl.Int64)
    title = pl.col("title").str.replace_all(" ", "_", literal=True)
    by_device = records.select(title, **{name: views * (pl.col("device") == name) for name in DEVICES})
    return _sum_sorted(by_device) if by_device["title"].is_sorted() else _sum_titles(by_device)


def _sum_sorted(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the result of `_sum_titles` for sorted titles, in a quarter of the time."""
    import polars as pl

    is_last_of_title = (pl.col("title") != pl.col("title").shift(-1)).fill_null(value=True)
    return (
        frame.lazy()
        .select("title", pl.col(*DEVICES).cum_sum(), is_last=is_last_of_title)
        .filter("is_last")
        .select("title", pl.col(*DEVICES) - pl.col(*DEVICES).shift(1, fill_value=0))
        .collect()
    )


def _sum_titles(frame: pl.DataFrame) -> pl.DataFrame:
    """Sum the rows of each title; the result has one row for each title."""
    import polars as pl

    return frame.group_by("title").agg(pl.col(*DEVICES).sum())


def _views_expression(access: str) -> pl.Expr:
    import polars as pl

    return pl.sum_horizontal(DEVICES) if access == "all-access" else pl.col(access)


def _rank_titles(frame: pl.DataFrame, list_length: int) -> list[ListRow]:
    import polars as pl

    viewed_titles = frame.filter(pl.col("views") > 0)
    if not viewed_titles.height:
        return []
    # `top_k` breaks ties arbitrarily, so titles with equal views are sorted by title before the list is cut.
    top_titles = (
        viewed_titles.filter(pl.col("views") >= viewed_titles["views"].top_k(list_length).min())
        .sort(["views", "title"], descending=[True, False])
        .head(list_length)
    )
    ranked = top_titles.with_columns(rank=pl.col("views").rank("min", descending=True).cast(pl.Int64))
    return [ListRow(*row) for row in ranked.iter_rows()]

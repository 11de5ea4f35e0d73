"""Caches facts about pages in the lake, so that a page that is viewed for five days is requested once.

Each run adds one immutable segment, a Parquet file; a run of more than a thousand pages adds several. `vacuum` merges the
segments, and so does a run when there are too many. A merge writes a new segment and deletes those that it has read. Writers do
not wait for each other: two merges of the same segments write the same facts twice, and the newest facts of a page count. A
process keeps the segments that it has read in memory.

A cache may lose entries, so it never ends a run. An object that is not a segment (damaged, of another program, too large) and an
entry with impossible values are ignored, with a warning for each object and process. Such an object is not deleted. A lake that
does not answer is an error, as everywhere.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.committing.cleanup import Vacuumed
from smart_orchestrator.errors import ObjectMissing
from wiki_trends.pipeline.cache.facts import (
    ANSWERED_AT,
    REQUESTED,
    drop_impossible,
    from_frame,
    printable,
    to_frame,
)
from wiki_trends.pipeline.cache.segments import (
    LARGEST_OBJECT,
    SUFFIX,
    NotASegment,
    read_segment,
    write_segment,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from smart_orchestrator.store.base import Lake, ObjectInfo
    from wiki_trends.wikimedia.pages import PageFacts

logger = logging.getLogger(__name__)

SECONDS_A_DAY = 86_400
MOST_SEGMENTS = 32
MOST_PAGES = 200_000
# Clocks of machines differ. Facts from further in the future would never be replaced.
_CLOCK_SKEW_SECONDS = SECONDS_A_DAY


class PageCache:
    """The facts about the pages of one project in a lake. Safe between threads and processes.

    Args:
        lake: the lake.
        project: for example `en.wikipedia`.
        keep_days: a merge drops facts that are older.
        most_segments: a run merges the segments when there are more.
        most_pages: a merge keeps at most so many pages, the newest.

    Raises:
        ValueError: a number is too small.
    """

    def __init__(
        self,
        lake: Lake,
        project: str,
        *,
        keep_days: int = 30,
        most_segments: int = MOST_SEGMENTS,
        most_pages: int = MOST_PAGES,
    ) -> None:
        if keep_days < 0 or most_segments < 1 or most_pages < 1:
            message = (
                f"keep_days={keep_days}, most_segments={most_segments}, most_pages={most_pages}: "
                "days must be 0 or more, the others 1 or more"
            )
            raise ValueError(message)
        self._lake = lake
        self._folder = f"_cache/{project}/pages"
        self._memory = _memory(lake.url, self._folder)
        # At least a day: a run reads its own facts again some seconds later.
        self._keep_seconds = max(1, keep_days) * SECONDS_A_DAY
        self._most_segments = most_segments
        self._most_pages = most_pages

    def get(self, titles: Iterable[str], *, oldest: float = 0.0) -> dict[str, PageFacts]:
        """Facts of those of `titles` that the cache has, answered at `oldest` (Unix seconds) or later."""
        return from_frame(_rows(self._memory.read(self._lake).frames.values(), titles, oldest))

    def add(self, pages: Mapping[str, PageFacts], *, now: float | None = None) -> None:
        """Write facts, by the title that was requested, as one segment."""
        moment = time.time() if now is None else now
        self._write(to_frame((title, moment, facts) for title, facts in pages.items()))
        content = self._memory.read(self._lake)
        if len(content.segments) > self._most_segments:
            self._merge(content.segments, content.frames, moment)

    def vacuum(self, *, older_than: dt.timedelta, dry_run: bool = False) -> Vacuumed:
        """Merge the segments that are older than `older_than` into one, if there are at least two.

        Returns:
            The segments that were, or with `dry_run` would be, merged and removed; `foreign` names objects that are not
            segments.
        """
        content = self._memory.read(self._lake)
        newest = dt.datetime.now(tz=dt.UTC) - older_than
        segments = [info for info in content.segments if info.modified < newest]
        if len(segments) < 2:
            segments = []
        if segments and not dry_run:
            self._merge(segments, content.frames, time.time())
        return Vacuumed(
            tuple(info.key for info in segments),
            sum(info.size for info in segments),
            dry_run=dry_run,
            foreign=tuple(content.foreign),
        )

    def _merge(self, segments: Sequence[ObjectInfo], frames: Mapping[str, pl.DataFrame], now: float) -> None:
        """Write the newest facts of `segments` as one segment, and delete `segments`."""
        keys = [info.key for info in segments]
        rows = _rows([frames[key] for key in keys], None, now - self._keep_seconds)
        self._write(rows.unique(REQUESTED, keep="last", maintain_order=True).tail(self._most_pages))
        self._lake.delete(keys)

    def _write(self, frame: pl.DataFrame) -> None:
        name = f"{dt.datetime.now(tz=dt.UTC):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}{SUFFIX}"
        key = f"{self._folder}/{name}"
        self._lake.put(key, write_segment(frame))
        self._memory.remember(key, frame)


class _Content(NamedTuple):
    """The segments in a lake, the frame of each by its key, and the keys of objects that are not segments."""

    segments: list[ObjectInfo]
    frames: dict[str, pl.DataFrame]
    foreign: list[str]


class _Memory:
    """The segments of one cache that this process has read or written."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        # None for an object that is not a segment.
        self._frames: dict[str, pl.DataFrame | None] = {}

    def remember(self, key: str, frame: pl.DataFrame) -> None:
        """Remember a segment that this process has written, so that it need not be read."""
        with self._lock:
            self._frames[key] = frame

    def read(self, lake: Lake) -> _Content:
        """The segments that the lake has now. Only those that this process does not know are read."""
        with self._lock:
            while True:
                objects = lake.list(self._folder)
                try:
                    self._frames = {info.key: self._frame(lake, info) for info in objects}
                except ObjectMissing:
                    continue  # Another process merged and deleted it after the listing.
                frames = {key: frame for key, frame in self._frames.items() if frame is not None}
                return _Content(
                    [info for info in objects if info.key in frames],
                    frames,
                    [info.key for info in objects if info.key not in frames],
                )

    def _frame(self, lake: Lake, info: ObjectInfo) -> pl.DataFrame | None:
        return self._frames[info.key] if info.key in self._frames else _read(lake, info)


@lru_cache(maxsize=16)
def _memory(url: str, folder: str) -> _Memory:
    del url
    return _Memory(folder)


def _read(lake: Lake, info: ObjectInfo) -> pl.DataFrame | None:
    """The facts of a segment; None, with a warning, for an object that is not a segment."""
    try:
        if info.irregular:
            raise NotASegment(f"it is {info.irregular}")
        if info.size > LARGEST_OBJECT:
            raise NotASegment(f"it has {info.size:,} bytes, at most {LARGEST_OBJECT:,} are read")
        frame, unusable = read_segment(lake.get(info.key)[0])
    except NotASegment as error:
        logger.warning(
            "The cached pages in %s cannot be read (%s). It is ignored and not deleted; its pages are requested again.",
            info.key,
            error,
        )
        return None
    possible = drop_impossible(frame, latest=time.time() + _CLOCK_SKEW_SECONDS)
    unusable += frame.height - possible.height
    if unusable:
        logger.warning(
            "Entries of %s cannot be used: %d. Their pages are requested again.", info.key, unusable
        )
    return possible


def _rows(frames: Iterable[pl.DataFrame], titles: Iterable[str] | None, oldest: float) -> pl.DataFrame:
    """The rows of `titles`, or with None of all titles, that were answered at `oldest` or later; the newest last."""
    import polars as pl

    wanted = pl.col(ANSWERED_AT) >= oldest
    if titles is not None:
        requested = pl.Series([printable(title) for title in titles], dtype=pl.String)
        wanted &= pl.col(REQUESTED).is_in(requested.implode())
    rows = [frame.filter(wanted) for frame in frames]
    return pl.concat([to_frame(()), *rows]).sort(ANSWERED_AT, maintain_order=True)

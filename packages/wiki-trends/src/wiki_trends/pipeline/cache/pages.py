"""Caches facts about pages in the lake, so that a page in the lists of several days is requested only once.

The cache consists of immutable segments, which are Parquet files. A run adds one segment for each thousand requested pages. A
merge writes the facts of several segments to a new segment and deletes the old segments. `vacuum` merges segments, and a run
merges them if there are too many. Writers do not wait for each other: two merges of the same segments write the same facts twice,
and the newest facts of a page count. A process keeps the segments that it has read in memory.

Bad data in the cache never end a run, because the facts can be requested again. An object is not a segment if it is damaged, too large, or
of another program. Such an object is ignored and not deleted. A row with impossible values is ignored, too. For each such object, and for
each segment with such rows, a process logs one warning. An error of the lake is raised.
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
    redirect_targets,
    replace_surrogates,
    to_frame,
)
from wiki_trends.pipeline.cache.renames import renamed_pages
from wiki_trends.pipeline.cache.segments import (
    MAX_SEGMENT_BYTES,
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

SECONDS_PER_DAY = 86_400
MAX_SEGMENTS = 32
MAX_PAGES = 200_000
# The clocks of machines differ by less than this. Facts with a time further in the future are ignored, because they would never expire.
_CLOCK_SKEW_SECONDS = SECONDS_PER_DAY


class PageCache:
    """The cached facts about the pages of one project in a lake. Safe between threads and processes.

    Args:
        lake: the lake that holds the cache.
        project: the project, for example `en.wikipedia`.
        keep_days: the age in days up to which a run uses facts. A merge keeps facts one day longer, because a later step of the run
            reads them again.
        max_segments: the number of segments above which a run merges them.
        max_pages: the number of pages above which a merge drops facts, the oldest first.
        needed_titles: the requested titles whose facts a merge by this object keeps, whatever their age and number.

    Raises:
        ValueError: `keep_days` is negative, or another number is less than 1.
    """

    def __init__(
        self,
        lake: Lake,
        project: str,
        *,
        keep_days: int = 30,
        max_segments: int = MAX_SEGMENTS,
        max_pages: int = MAX_PAGES,
        needed_titles: Iterable[str] = (),
    ) -> None:
        if keep_days < 0 or max_segments < 1 or max_pages < 1:
            message = (
                f"keep_days={keep_days}, max_segments={max_segments}, max_pages={max_pages}: "
                "keep_days must be 0 or more, and the other numbers 1 or more"
            )
            raise ValueError(message)
        self._lake = lake
        self._folder = f"_cache/{project}/pages"
        self._memory = _memory_for(lake.url, self._folder)
        self._keep_seconds = (keep_days + 1) * SECONDS_PER_DAY
        self._max_segments = max_segments
        self._max_pages = max_pages
        self._needed_titles = list(needed_titles)

    def get(self, titles: Iterable[str], *, oldest: float = 0.0) -> dict[str, PageFacts]:
        """Return the cached facts about `titles` whose response came at `oldest` (Unix seconds) or later."""
        return from_frame(
            _select_rows(self._memory.read(self._lake).frames.values(), titles=titles, oldest=oldest)
        )

    def known(self, titles: Iterable[str], *, oldest: float = 0.0) -> set[str]:
        """Return those of `titles` whose facts are cached, with a response at `oldest` (Unix seconds) or later."""
        rows = _select_rows(self._memory.read(self._lake).frames.values(), titles=titles, oldest=oldest)
        return set(rows[REQUESTED].to_list())

    def redirects(self, titles: Iterable[str]) -> dict[str, str]:
        """Return the target of each of `titles` that redirects to a page, with underscores, by the newest cached facts."""
        rows = _select_rows(self._memory.read(self._lake).frames.values(), titles=titles, oldest=0.0)
        return redirect_targets(rows)

    def renamed(self) -> dict[str, str]:
        """Return the newest title of each page for its other cached titles; see `renamed_pages`."""
        return renamed_pages(
            _select_rows(self._memory.read(self._lake).frames.values(), titles=None, oldest=0.0)
        )

    def add(self, pages: Mapping[str, PageFacts], *, now: float | None = None) -> None:
        """Write the facts about `pages`, a mapping from requested titles, as one segment."""
        timestamp = time.time() if now is None else now
        self._write(to_frame((title, timestamp, facts) for title, facts in pages.items()))
        content = self._memory.read(self._lake)
        if len(content.segments) > self._max_segments:
            self._merge(content.segments, content.frames, timestamp)

    def vacuum(self, *, older_than: dt.timedelta, dry_run: bool = False) -> Vacuumed:
        """Merge the segments that are older than `older_than` into one, if there are at least two.

        Returns:
            The keys of the merged segments, or with `dry_run` of the segments that a merge would remove. `foreign` has
            the keys of objects that are not segments.
        """
        content = self._memory.read(self._lake)
        cutoff = dt.datetime.now(tz=dt.UTC) - older_than
        segments = [info for info in content.segments if info.modified < cutoff]
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
        import polars as pl

        keys = [info.key for info in segments]
        rows = _select_rows([frames[key] for key in keys], titles=None, oldest=0.0)
        newest = rows.unique(REQUESTED, keep="last", maintain_order=True)
        is_young = pl.col(ANSWERED_AT) >= now - self._keep_seconds
        is_within_limit = pl.int_range(pl.len()) >= newest.height - self._max_pages
        is_needed = _has_title(self._needed_titles)
        self._write(newest.filter((is_young & is_within_limit) | is_needed))
        self._lake.delete(keys)

    def _write(self, frame: pl.DataFrame) -> None:
        name = f"{dt.datetime.now(tz=dt.UTC):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}{SUFFIX}"
        key = f"{self._folder}/{name}"
        self._lake.put(key, write_segment(frame))
        self._memory.remember(key, frame)


class _CacheContent(NamedTuple):
    """The segments of a cache, their frames by key, and the keys of objects that are not segments."""

    segments: list[ObjectInfo]
    frames: dict[str, pl.DataFrame]
    foreign: list[str]


class _SegmentMemory:
    """The segments of one cache that this process has read or written."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        # Maps the key of an object to its frame, or to None if the object is not a segment.
        self._frames: dict[str, pl.DataFrame | None] = {}

    def remember(self, key: str, frame: pl.DataFrame) -> None:
        """Keep a segment that this process has written, so that the process does not read it again."""
        with self._lock:
            self._frames[key] = frame

    def read(self, lake: Lake) -> _CacheContent:
        """List the segments in the lake, and read the segments that are not in memory."""
        with self._lock:
            while True:
                objects = lake.list(self._folder)
                try:
                    self._frames = {info.key: self._load_frame(lake, info) for info in objects}
                except ObjectMissing:
                    continue  # Another process deleted a segment after the listing.
                frames = {key: frame for key, frame in self._frames.items() if frame is not None}
                return _CacheContent(
                    [info for info in objects if info.key in frames],
                    frames,
                    [info.key for info in objects if info.key not in frames],
                )

    def _load_frame(self, lake: Lake, info: ObjectInfo) -> pl.DataFrame | None:
        return self._frames[info.key] if info.key in self._frames else _read_object(lake, info)


@lru_cache(maxsize=16)
def _memory_for(url: str, folder: str) -> _SegmentMemory:
    del url  # Only a part of the cache key.
    return _SegmentMemory(folder)


def _read_object(lake: Lake, info: ObjectInfo) -> pl.DataFrame | None:
    """Read the facts of a segment. For an object that is not a segment, log a warning and return None."""
    try:
        if info.irregular:
            raise NotASegment(f"it is {info.irregular}")
        if info.size > MAX_SEGMENT_BYTES:
            raise NotASegment(f"it has {info.size:,} bytes, at most {MAX_SEGMENT_BYTES:,} are read")
        frame, unusable_entries = read_segment(lake.get(info.key)[0])
    except NotASegment as error:
        logger.warning(
            "The cached pages in %s cannot be read (%s). The file is ignored, and its pages are requested again.",
            info.key,
            error,
        )
        return None
    possible = drop_impossible(frame, latest=time.time() + _CLOCK_SKEW_SECONDS)
    unusable_entries += frame.height - possible.height
    if unusable_entries:
        logger.warning(
            "Entries of %s cannot be used: %d. Their pages are requested again.", info.key, unusable_entries
        )
    return possible


def _select_rows(
    frames: Iterable[pl.DataFrame], *, titles: Iterable[str] | None, oldest: float
) -> pl.DataFrame:
    """Return the rows whose response came at `oldest` or later, sorted by that time. `titles` is None for all titles."""
    import polars as pl

    matches = pl.col(ANSWERED_AT) >= oldest
    if titles is not None:
        matches &= _has_title(titles)
    return pl.concat([to_frame(()), *frames]).filter(matches).sort(ANSWERED_AT, maintain_order=True)


def _has_title(titles: Iterable[str]) -> pl.Expr:
    import polars as pl

    requested = pl.Series([replace_surrogates(title) for title in titles], dtype=pl.String)
    return pl.col(REQUESTED).is_in(requested.implode())

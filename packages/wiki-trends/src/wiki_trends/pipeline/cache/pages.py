"""Facts about pages, cached in the lake, so that a page that is viewed for five days is requested once.

Each day adds one immutable segment (JSON, gzip). When there are many, one of the writers merges them and deletes the
segments that it has read. No writer waits for another: a segment never changes, two writers that merge the same segments
write the same facts twice, and the newer of two facts counts. A process keeps the segments that it has read in memory.

A cache may always lose entries, so it never ends a run: an object that is not a segment (damaged, of another version or
program, too large) and an entry that cannot be used are ignored with a warning, once a process. Such an object is not
deleted. A lake that does not answer is an error as everywhere.
"""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import logging
import math
import threading
import time
import uuid
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from smart_orchestrator.errors import ObjectMissing
from wiki_trends.pipeline.cache.facts import facts_from_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smart_orchestrator.store.base import Lake, ObjectInfo
    from wiki_trends.wikimedia.pages import PageFacts

logger = logging.getLogger(__name__)

VERSION = 2
SECONDS_A_DAY = 86_400
MOST_SEGMENTS = 32
MOST_PAGES = 200_000
# Of one segment, in the lake and decompressed: several times that of `MOST_PAGES` pages.
LARGEST_OBJECT = 64 * 1024 * 1024
LARGEST_DOCUMENT = 512 * 1024 * 1024
# Clocks of machines differ; an entry from further in the future would never be replaced.
_CLOCK_SKEW_SECONDS = SECONDS_A_DAY
_DOCUMENT_START = b'{"version": '

# Title as it was requested -> Unix seconds of the answer, and the facts as JSON.
Segment = dict[str, tuple[float, dict[str, Any]]]


class PageCache:
    """The facts about the pages of one project in a lake. Safe between threads and processes.

    Args:
        lake: the lake.
        project: for example `en.wikipedia`.
        keep_days: facts older than this are dropped when segments are merged.
        most_segments: more segments than this are merged.
        most_pages: the newest pages that a merge keeps.

    Raises:
        ValueError: a number is too small to have a meaning.
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
        cached = self._memory.read(self._lake)
        result: dict[str, PageFacts] = {}
        for title in titles:
            entry = cached.get(title)
            if entry is None or entry[0] < oldest:
                continue
            facts = facts_from_json(entry[1])
            if facts is None:
                self._memory.warn_of_entry(self._folder, title)
            else:
                result[title] = facts
        return result

    def add(self, pages: Mapping[str, PageFacts], *, now: float | None = None) -> None:
        """Write facts, by the title that was requested, as one segment."""
        moment = time.time() if now is None else now
        self._put({title: (moment, facts.to_json()) for title, facts in pages.items()})
        if self._memory.count(self._lake) > self._most_segments:
            self._merge(moment - self._keep_seconds)

    def _merge(self, oldest: float) -> None:
        """Write one segment in place of all, with the facts answered at `oldest` or later."""
        cached, keys = self._memory.read_with_keys(self._lake)
        fresh = [(title, entry) for title, entry in cached.items() if entry[0] >= oldest]
        fresh.sort(key=lambda item: item[1][0], reverse=True)
        self._put(dict(fresh[: self._most_pages]))
        self._lake.delete(keys)

    def _put(self, segment: Segment) -> None:
        name = f"{dt.datetime.now(tz=dt.UTC):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}.json.gz"
        document = json.dumps({"version": VERSION, "pages": segment}, ensure_ascii=False).encode()
        self._lake.put(f"{self._folder}/{name}", gzip.compress(document, compresslevel=1, mtime=0))
        self._memory.remember(f"{self._folder}/{name}", segment)


class _Memory:
    """The segments of one cache that this process has read or written."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        # None for an object that is not a segment.
        self._segments: dict[str, Segment | None] = {}
        self._entries_warned_of: set[str] = set()
        self._written: dict[str, Segment] = {}
        self._merged: Segment = {}

    def remember(self, key: str, segment: Segment) -> None:
        """Remember a segment that this process has written, so that it need not be read."""
        with self._lock:
            self._written[key] = segment

    def count(self, lake: Lake) -> int:
        """The number of objects that are segments, as far as this process knows."""
        with self._lock:
            keys = [info.key for info in lake.list(self._folder)]
            return sum(self._segments.get(key, {}) is not None for key in keys)

    def warn_of_entry(self, folder: str, title: str) -> None:
        """Log that an entry cannot be used, once a process and title."""
        with self._lock:
            if title in self._entries_warned_of:
                return
            self._entries_warned_of.add(title)
        logger.warning("The cached page %r in %s cannot be used; it is requested again.", title, folder)

    def read(self, lake: Lake) -> Segment:
        """The newest facts of all segments."""
        return self.read_with_keys(lake)[0]

    def read_with_keys(self, lake: Lake) -> tuple[Segment, list[str]]:
        """The newest facts of all segments, and the keys of the segments."""
        with self._lock:
            while True:
                objects = lake.list(self._folder)
                if [info.key for info in objects] != list(self._segments):
                    try:
                        segments = {info.key: self._segment(lake, info) for info in objects}
                    except ObjectMissing:
                        continue  # Merged by another process after it was listed: list again.
                    self._segments = segments
                    self._written.clear()
                    self._merged = _newest(segment for segment in segments.values() if segment is not None)
                return self._merged, [key for key, segment in self._segments.items() if segment is not None]

    def _segment(self, lake: Lake, info: ObjectInfo) -> Segment | None:
        for segments in (self._segments, self._written):
            if info.key in segments:
                return segments[info.key]
        return _read(lake, info)


@lru_cache(maxsize=16)
def _memory(url: str, folder: str) -> _Memory:
    del url
    return _Memory(folder)


def _read(lake: Lake, info: ObjectInfo) -> Segment | None:
    """The entries of a segment; None, with a warning, for an object that is not one."""
    try:
        if info.size > LARGEST_OBJECT:
            message = f"it has {info.size:,} bytes, at most {LARGEST_OBJECT:,} are read"
            raise ValueError(message)
        document = json.loads(_decompress(lake.get(info.key)[0]))
        if document["version"] != VERSION:
            message = f"it is of version {document['version']!r}, this program reads {VERSION}"
            raise ValueError(message)
        entries = {title: (float(moment), facts) for title, (moment, facts) in document["pages"].items()}
    except (
        OSError,
        EOFError,
        zlib.error,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        ArithmeticError,
    ) as error:
        problem = f"{type(error).__name__}: {error}"
    except RecursionError:
        problem = "it is nested too deep"
    else:
        latest = time.time() + _CLOCK_SKEW_SECONDS
        return {
            title: entry for title, entry in entries.items() if math.isfinite(entry[0]) and entry[0] <= latest
        }
    logger.warning(
        "The cached pages in %s cannot be read (%.200s). It is ignored and not deleted; its pages are requested again.",
        info.key,
        problem,
    )
    return None


def _decompress(data: bytes) -> bytes:
    """The document in a gzip file, as far as it can be one of ours.

    Raises:
        ValueError: it is larger than any segment, or does not begin like one.
        EOFError: it is cut short.
        OSError, zlib.error: it is not gzip, or damaged.
    """
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        start = stream.read(len(_DOCUMENT_START))
        if start != _DOCUMENT_START:
            message = "it does not begin like a segment"
            raise ValueError(message)
        document = start + stream.read(LARGEST_DOCUMENT)
        if len(document) > LARGEST_DOCUMENT:
            message = f"it expands to more than {LARGEST_DOCUMENT:,} bytes"
            raise ValueError(message)
        return document


def _newest(segments: Iterable[Segment]) -> Segment:
    newest: Segment = {}
    for segment in segments:
        for title, entry in segment.items():
            if title not in newest or newest[title][0] <= entry[0]:
                newest[title] = entry
    return newest

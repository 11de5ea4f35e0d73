"""Facts about pages, cached in the lake, so that a page that is viewed for five days is requested once.

Each day adds one immutable segment (JSON, gzip). When there are many, one of the writers merges them and deletes the
segments that it has read. No writer waits for another: a segment never changes, two writers that merge the same segments
write the same facts twice, and the newer of two facts counts. A process keeps the segments that it has read in memory. A
segment that cannot be read is left out with a warning: a cache may always lose entries.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import logging
import threading
import time
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from smart_orchestrator.errors import ObjectMissing
from wiki_trends.wikimedia.pages import PageFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smart_orchestrator.store.base import Lake

logger = logging.getLogger(__name__)

VERSION = 2
SECONDS_A_DAY = 86_400
MOST_SEGMENTS = 32
MOST_PAGES = 200_000

# Title as it was requested -> Unix seconds of the answer, and the facts as JSON.
Segment = dict[str, tuple[float, dict[str, Any]]]


class PageCache:
    """The facts about the pages of one project in a lake. Safe between threads and processes."""

    def __init__(
        self,
        lake: Lake,
        project: str,
        *,
        keep_days: int = 30,
        most_segments: int = MOST_SEGMENTS,
        most_pages: int = MOST_PAGES,
    ) -> None:
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
        entries = ((title, cached.get(title)) for title in titles)
        return {
            title: PageFacts.from_json(entry[1]) for title, entry in entries if entry and entry[0] >= oldest
        }

    def add(self, pages: Mapping[str, PageFacts], *, now: float | None = None) -> None:
        """Write facts, by the title that was requested, as one segment."""
        moment = time.time() if now is None else now
        self._put({title: (moment, facts.to_json()) for title, facts in pages.items()})
        keys = [info.key for info in self._lake.list(self._folder)]
        if len(keys) > self._most_segments:
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
        self._segments: dict[str, Segment] = {}
        self._written: dict[str, Segment] = {}
        self._merged: Segment = {}

    def remember(self, key: str, segment: Segment) -> None:
        """Remember a segment that this process has written, so that it need not be read."""
        with self._lock:
            self._written[key] = segment

    def read(self, lake: Lake) -> Segment:
        """The newest facts of all segments."""
        return self.read_with_keys(lake)[0]

    def read_with_keys(self, lake: Lake) -> tuple[Segment, list[str]]:
        """The newest facts of all segments, and the keys of the segments."""
        with self._lock:
            while True:
                keys = [info.key for info in lake.list(self._folder)]
                if keys == list(self._segments):
                    return self._merged, keys
                try:
                    segments = {
                        key: self._segments.get(key) or self._written.get(key) or _read(lake, key)
                        for key in keys
                    }
                except ObjectMissing:
                    continue  # Merged by another process after it was listed: list again.
                self._segments = segments
                self._written.clear()
                self._merged = _newest(segments.values())
                return self._merged, keys


@lru_cache(maxsize=16)
def _memory(url: str, folder: str) -> _Memory:
    del url
    return _Memory(folder)


def _read(lake: Lake, key: str) -> Segment:
    data, _ = lake.get(key)
    try:
        document = json.loads(gzip.decompress(data))
        if document["version"] != VERSION:
            return {}
        return {title: (float(moment), facts) for title, (moment, facts) in document["pages"].items()}
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning("The cached pages in %s cannot be read (%s); they are requested again.", key, error)
        return {}


def _newest(segments: Iterable[Segment]) -> Segment:
    newest: Segment = {}
    for segment in segments:
        for title, entry in segment.items():
            if title not in newest or newest[title][0] <= entry[0]:
                newest[title] = entry
    return newest

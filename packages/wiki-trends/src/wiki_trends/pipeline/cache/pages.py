"""Facts about pages, kept in the lake, so that a page that is viewed for five days is asked for once.

Each day adds one immutable segment (JSON, gzip); when there are many, one of the writers puts them together and deletes
what it has read. Nobody waits for anybody: a segment is never changed, two writers that put together the same ones
write the same twice, and the newer of two facts counts. What a segment held stays in memory by its key. A segment that
cannot be read is left out with a warning: a cache may always be smaller than it was.
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

# Title as it was asked -> Unix seconds when it was answered, and the facts as JSON.
Segment = dict[str, tuple[float, dict[str, Any]]]


class PageCache:
    """The facts that the lake holds about the pages of one project. Safe between threads and processes."""

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
        # Facts of the present runs are read again some seconds later, however short they are to be kept.
        self._keep_seconds = max(1, keep_days) * SECONDS_A_DAY
        self._most_segments = most_segments
        self._most_pages = most_pages

    def get(self, titles: Iterable[str], *, oldest: float = 0.0) -> dict[str, PageFacts]:
        """Facts of those of `titles` that are known since `oldest` (Unix seconds) or later."""
        known = self._memory.read(self._lake)
        found = ((title, known.get(title)) for title in titles)
        return {
            title: PageFacts.from_json(entry[1]) for title, entry in found if entry and entry[0] >= oldest
        }

    def add(self, pages: Mapping[str, PageFacts], *, now: float | None = None) -> None:
        """Keep facts by the title that was asked; one object is written."""
        moment = time.time() if now is None else now
        self._put({title: (moment, facts.to_json()) for title, facts in pages.items()})
        keys = [info.key for info in self._lake.list(self._folder)]
        if len(keys) > self._most_segments:
            self._put_together(moment - self._keep_seconds)

    def _put_together(self, oldest: float) -> None:
        known, keys = self._memory.read_with_keys(self._lake)
        settle = [(title, entry) for title, entry in known.items() if entry[0] >= oldest]
        settle.sort(key=lambda item: item[1][0], reverse=True)
        self._put(dict(settle[: self._most_pages]))
        self._lake.delete(keys)

    def _put(self, segment: Segment) -> None:
        name = f"{dt.datetime.now(tz=dt.UTC):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}.json.gz"
        document = json.dumps({"version": VERSION, "pages": segment}, ensure_ascii=False).encode()
        self._lake.put(f"{self._folder}/{name}", gzip.compress(document, compresslevel=1, mtime=0))
        self._memory.wrote(f"{self._folder}/{name}", segment)


class _Memory:
    """What this process has read of one cache."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._segments: dict[str, Segment] = {}
        self._written: dict[str, Segment] = {}
        self._known: Segment = {}

    def wrote(self, key: str, segment: Segment) -> None:
        """Keep what was written just now, so that it need not be read back."""
        with self._lock:
            self._written[key] = segment

    def read(self, lake: Lake) -> Segment:
        return self.read_with_keys(lake)[0]

    def read_with_keys(self, lake: Lake) -> tuple[Segment, list[str]]:
        """All that is known, and the keys of the segments that it is from."""
        with self._lock:
            while True:
                keys = [info.key for info in lake.list(self._folder)]
                if keys == list(self._segments):
                    return self._known, keys
                try:
                    read = {
                        key: self._segments.get(key) or self._written.get(key) or _read(lake, key)
                        for key in keys
                    }
                except ObjectMissing:
                    continue  # Put together with others since it was listed: list again.
                self._segments = read
                self._written.clear()
                self._known = _newest(read.values())
                return self._known, keys


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
        logger.warning("The cached pages in %s cannot be read (%s); they are asked for again.", key, error)
        return {}


def _newest(segments: Iterable[Segment]) -> Segment:
    known: Segment = {}
    for segment in segments:
        for title, entry in segment.items():
            if title not in known or known[title][0] <= entry[0]:
                known[title] = entry
    return known

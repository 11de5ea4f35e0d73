"""A day's lists out of Wikimedia's `pageview_complete` files, which hold every page and not only the first thousand.

A line is `wiki title page_id device total hourly`, a page has one for each device; older files, and titles without a
page, have no page id. A title is what people sent: it can hold spaces and raw line breaks, so a line is read from both
ends, and what follows a line that does not end like one is the rest of a title. Records with a line break in their
title are no page's; they are left out and counted. Source:
https://dumps.wikimedia.org/other/pageview_complete/readme.html.

Files are read as streams of a few megabytes, a few pieces at a time in Polars, so the memory does not grow with the
dump. A file that is none, or one of another day, is `SettingError`.
"""

from __future__ import annotations

import bz2
import io
import re
import tempfile
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from wiki_trends.config.projects import spellings
from wiki_trends.errors import SettingError
from wiki_trends.pipeline.dump.lines import lines_of
from wiki_trends.pipeline.dump.top_k import NotInOrder, Sums

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from io import BufferedIOBase

    import polars as pl
    from typing_extensions import Buffer

    from wiki_trends.pipeline.lists.top_list import Listed

    Told: TypeAlias = Callable[[float], None]

CHUNK = 6 * 1024 * 1024
WORKERS = 3
# Pieces read and not parsed yet: so many that the reading goes on through the wikis that come after.
WAITING = 8
_LINES_LOOKED_AT = 200
_LONGEST_LINE = 64 * 1024
_END = re.compile(rb" (?:desktop|mobile-web|mobile-app) \d+ (?:[A-X]\d+)+$")
# In monthly files the letter is the day, and runs past X.
_MONTHLY_END = re.compile(rb" (?:desktop|mobile-web|mobile-app) \d+ (?:[A-_]\d+)+$")
_DAY_IN_NAME = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")


@dataclass(frozen=True, slots=True)
class Dump:
    """What dump files say of one project.

    Attributes:
        lists: by access method, the most viewed titles first, ties in competition ranking (1, 2, 2, 4).
        records: of the project.
        broken: lines of the project that are no whole record, or the rest of one.
        files: their names.
    """

    lists: dict[str, list[Listed]]
    records: int
    broken: int
    files: tuple[str, ...]


def read_dump(
    files: Sequence[Path], *, project: str, day: dt.date, top: int = 1000, told: Told | None = None
) -> Dump:
    """The first `top` titles of a project by views, for `all-access` and each device, from daily files of one day.

    Args:
        files: packed with bzip2 or not.
        project: for example `en.wikipedia`.
        day: of the files.
        top: how many titles.
        told: is told, often, which part of the files has been read, 0 to 1.

    Raises:
        SettingError: a file is not there, not a daily dump, of another day, or has nothing of the project.
    """
    for path in files:
        _look_at(path, day)
    for name in spellings(project):
        try:
            lists, reader = _read(files, name, top, told, in_order=len(files) == 1)
        except NotInOrder:
            lists, reader = _read(files, name, top, told, in_order=False)
        if lists:
            break
    if not lists:
        raise _unusable(files[0], f"holds no line of {project}")
    return Dump(lists, reader.records, reader.broken, tuple(path.name for path in files))


def _read(
    files: Sequence[Path], project: str, top: int, told: Told | None, *, in_order: bool
) -> tuple[dict[str, list[Listed]], _Reader]:
    whole = sum(path.stat().st_size for path in files)
    done = 0

    def read(size: int) -> None:
        nonlocal done
        done += size
        if told is not None and size:
            told(done / whole)

    with tempfile.TemporaryDirectory(prefix="wiki-trends-dump-") as folder:
        sums = Sums(Path(folder), top, in_order=in_order)
        reader = _Reader(project, sums.possible)
        for path in files:
            try:
                with _opened(path, read) as stream:
                    for frame in reader.frames(stream):
                        sums.add(frame)
            except (OSError, EOFError) as error:
                raise _unusable(path, f"cannot be read to its end ({error})") from None
        return sums.tops(), reader


class _Reader:
    """Takes the lines of one project out of streams of bytes; `possible` leaves out what is of no use, in threads."""

    def __init__(self, project: str, possible: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        self._possible = possible
        self.records = 0
        self.broken = 0
        self._project = project
        self._start = project.encode() + b" "

    def frames(self, stream: BufferedIOBase) -> Iterator[pl.DataFrame]:
        """Records as `Sums` takes them; a frame for each piece that has some."""
        waiting: deque[Future[tuple[pl.DataFrame, int, int]]] = deque()
        with ThreadPoolExecutor(WORKERS) as pool:
            for chunk, whole in self._pieces(stream):
                waiting.append(pool.submit(self._lines, chunk, whole=whole))
                while waiting and (len(waiting) > WAITING or waiting[0].done()):
                    yield self._counted(waiting.popleft().result())
            while waiting:
                yield self._counted(waiting.popleft().result())

    def _lines(self, chunk: bytes, *, whole: bool) -> tuple[pl.DataFrame, int, int]:
        lines, broken = lines_of(chunk, self._project, whole=whole)
        return self._possible(lines), lines.height, broken

    def _counted(self, found: tuple[pl.DataFrame, int, int]) -> pl.DataFrame:
        frame, records, broken = found
        self.records += records
        self.broken += broken
        return frame

    def _pieces(self, stream: BufferedIOBase) -> Iterator[tuple[bytes, bool]]:
        """Pieces of whole lines that hold some of the project, and whether the line before was the end of a record."""
        # One for all: memory that is new each time would cost as much as the reading.
        buffer = bytearray(CHUNK)
        whole = True
        while size := stream.readinto(buffer):
            rest = stream.readline()
            last = bytes(buffer[buffer.rfind(b"\n", 0, size - 1) + 1 : size]) + rest
            # A file is sorted by wiki: most of its pieces are of others. The name can lie across the end of the block.
            inside = buffer.startswith(self._start, 0, size) or buffer.find(b"\n" + self._start, 0, size) >= 0
            if inside or b"\n" + self._start in b"\n" + last:
                yield b"".join((memoryview(buffer)[:size], rest)), whole
            whole = _END.search(last.removesuffix(b"\n")) is not None


def _look_at(path: Path, day: dt.date) -> None:
    """Refuse what is no daily dump of the day, by its name and its first lines."""
    named = _DAY_IN_NAME.search(path.name)
    if named is not None and named.group(0).replace("-", "") != f"{day:%Y%m%d}":
        raise _unusable(path, f"is not of {day}, by its name")
    try:
        with _opened(path) as stream:
            lines = [stream.readline(_LONGEST_LINE).rstrip(b"\n") for _ in range(_LINES_LOOKED_AT)]
    except (OSError, EOFError) as error:
        raise _unusable(path, f"cannot be read ({error})") from None
    if any(_MONTHLY_END.search(line) and not _END.search(line) for line in lines):
        raise _unusable(path, "is a monthly file, its letters are days")
    if any(lines) and not any(_END.search(line) for line in lines):
        raise _unusable(path, "is no pageview_complete file: none of its first lines has the form of one")


@contextmanager
def _opened(path: Path, read: Callable[[int], None] = lambda _size: None) -> Iterator[BufferedIOBase]:
    """The bytes of a file, unpacked; `read` is told the size of each piece of the file itself that was read."""
    with io.BufferedReader(_Watched(path, read)) as file:
        yield bz2.BZ2File(file) if file.peek(3).startswith(b"BZh") else file


class _Watched(io.FileIO):
    def __init__(self, path: Path, read: Callable[[int], None]) -> None:
        super().__init__(path)
        self._read = read

    def readinto(self, buffer: Buffer, /) -> int:
        size = super().readinto(buffer)
        self._read(size)
        return size


def _unusable(path: Path, problem: str) -> SettingError:
    return SettingError(
        name="from_dump",
        value=str(path),
        origin="--from-dump",
        problem=problem,
        fix="Name daily files of https://dumps.wikimedia.org/other/pageview_complete/, as they are or unpacked.",
    )

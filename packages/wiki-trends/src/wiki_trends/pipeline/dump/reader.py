"""Reads a day's lists from Wikimedia's `pageview_complete` files, which have every page and not only the first thousand.

A line is `wiki title page_id device total hourly`, and a page has one line for each device. Older files, and titles without a
page, have no page id. A title is raw user input and can hold spaces and line breaks. So a line is parsed from both ends, and
after a line that does not end a record, the next lines are the rest of its title. Pages have no line breaks in their titles,
so such records are left out and counted. Source: https://dumps.wikimedia.org/other/pageview_complete/readme.html.

Files are read as streams, a few megabytes at a time, and only a few blocks are parsed at once, so memory does not grow with
the dump. Reading fails on a line of more than a megabyte, and on a compressed file that expands more than a thousandfold. A
file that is not a dump, is of another day, or cannot be read to its end raises `SettingError`.
"""

from __future__ import annotations

import bz2
import gzip
import io
import re
import stat
import tempfile
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from wiki_trends.config.projects import spellings
from wiki_trends.errors import SettingError
from wiki_trends.pipeline.dump.lines import parse_lines
from wiki_trends.pipeline.dump.top_k import NotInOrder, TopTitles

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Generator, Iterator, Sequence
    from concurrent.futures import Future
    from io import BufferedIOBase

    import polars as pl
    from typing_extensions import Buffer

    from wiki_trends.pipeline.lists.top_list import Listed

    ProgressCallback: TypeAlias = Callable[[float], None]

BLOCK_BYTES = 6 * 1024 * 1024
WORKERS = 3
# Blocks that wait for a worker. While the last blocks of the project are parsed, the next wikis are read already.
QUEUED_BLOCKS = 8
_SAMPLE_LINES = 200
_LONGEST_SAMPLE = 64 * 1024
LONGEST_LINE = 1024 * 1024
# A real file expands five to ten times. A larger file that expands more than this was made to exhaust the reader.
MOST_EXPANSION = 1000
_EXPANSION_CHECKED_FROM = 64 * 1024 * 1024
# Errors that the streams raise on a file that is damaged or cut short.
_READ_ERRORS = (OSError, EOFError, zlib.error)
_RECORD_END = re.compile(rb" (?:desktop|mobile-web|mobile-app) \d+ (?:[A-X]\d+)+$")
# The letters of a daily file are hours, A to X. Those of a monthly file are days and go on after X.
_MONTHLY_RECORD_END = re.compile(rb" (?:desktop|mobile-web|mobile-app) \d+ (?:[A-_]\d+)+$")
_DAY_IN_NAME = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")


@dataclass(frozen=True, slots=True)
class Dump:
    """The lists of one project from dump files.

    Attributes:
        lists: the lists by access method, the most viewed title first, ties in competition ranking (1, 2, 2, 4).
        records: number of records of the project.
        broken: number of lines of the project that are not a complete record.
        files: names of the files.
    """

    lists: dict[str, list[Listed]]
    records: int
    broken: int
    files: tuple[str, ...]


def read_dump(
    files: Sequence[Path],
    *,
    project: str,
    day: dt.date,
    top: int = 1000,
    on_progress: ProgressCallback | None = None,
) -> Dump:
    """The `top` most viewed titles of a project, for `all-access` and each device, from daily files of one day.

    Args:
        files: compressed with bzip2 or gzip, or not compressed.
        project: for example `en.wikipedia`.
        day: the day of the files.
        top: number of titles in each list.
        on_progress: called often with the fraction of the files that has been read, 0 to 1.

    Raises:
        SettingError: a file does not exist, is not a daily dump, is of another day, is named twice, or cannot be read to
            its end; or no file has a record of the project.
        ValueError: there are no files, or `top` is not positive.
    """
    if not files or top < 1:
        message = f"{len(files)} files and the first {top} titles: both must be 1 or more"
        raise ValueError(message)
    for path in files:
        _refuse_unusable(path, day)
    _refuse_repeated(files)
    for name in spellings(project):
        try:
            lists, reader = _read_lists(files, name, top, on_progress, in_order=len(files) == 1)
        except NotInOrder:
            lists, reader = _read_lists(files, name, top, on_progress, in_order=False)
        if lists:
            break
    else:
        raise _unusable(files[0], f"holds no line of {project}")
    return Dump(lists, reader.records, reader.broken, tuple(path.name for path in files))


def _read_lists(
    files: Sequence[Path], project: str, top: int, on_progress: ProgressCallback | None, *, in_order: bool
) -> tuple[dict[str, list[Listed]], _RecordReader]:
    total = sum(_size(path) for path in files)
    done = 0

    def on_read(size: int) -> None:
        nonlocal done
        done += size
        if on_progress is not None and size:
            on_progress(done / total)

    with tempfile.TemporaryDirectory(prefix="wiki-trends-dump-") as folder:
        top_titles = TopTitles(Path(folder), top, in_order=in_order)
        reader = _RecordReader(project, top_titles.drop_small)
        for path in files:
            longest = max(_EXPANSION_CHECKED_FROM, MOST_EXPANSION * _size(path))
            try:
                with _open_dump(path, on_read) as stream, closing(reader.frames(stream, longest)) as frames:
                    for frame in frames:
                        top_titles.add(frame)
            except _READ_ERRORS as error:
                raise _unusable(path, f"cannot be read to its end ({error})") from None
        return top_titles.lists(), reader


class _RecordReader:
    """Reads the records of one project from streams of bytes, and counts them.

    Args:
        project: for example `en.wikipedia`.
        drop_small: drops records of a block that cannot matter; called in worker threads.
    """

    def __init__(self, project: str, drop_small: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        self._drop_small = drop_small
        self.records = 0
        self.broken = 0
        self._project = project
        self._line_start = project.encode() + b" "

    def frames(self, stream: BufferedIOBase, longest: int) -> Generator[pl.DataFrame]:
        """Frames of records in the form that `TopTitles.add` takes, one for each block with lines of the project.

        Raises:
            OSError: the stream cannot be read, has a line that is too long, or more than `longest` bytes.
        """
        queue: deque[Future[tuple[pl.DataFrame, int, int]]] = deque()
        pool = ThreadPoolExecutor(WORKERS)
        try:
            for block, after_record in self._blocks(stream, longest):
                queue.append(pool.submit(self._parse, block, after_record=after_record))
                while queue and (len(queue) > QUEUED_BLOCKS or queue[0].done()):
                    yield self._count(*queue.popleft().result())
            while queue:
                yield self._count(*queue.popleft().result())
        finally:
            pool.shutdown(cancel_futures=True)

    def _parse(self, block: bytes, *, after_record: bool) -> tuple[pl.DataFrame, int, int]:
        lines, broken = parse_lines(block, self._project, after_record=after_record)
        return self._drop_small(lines), lines.height, broken

    def _count(self, frame: pl.DataFrame, records: int, broken: int) -> pl.DataFrame:
        self.records += records
        self.broken += broken
        return frame

    def _blocks(self, stream: BufferedIOBase, longest: int) -> Iterator[tuple[bytes, bool]]:
        """Blocks of complete lines with records of the project, and whether the line before each block ends a record."""
        # All blocks use one buffer, because allocating a new one costs as much time as reading.
        buffer = bytearray(BLOCK_BYTES)
        after_record = True
        total = 0
        while size := stream.readinto(buffer):
            rest = stream.readline(LONGEST_LINE)
            total += size + len(rest)
            if len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
                message = f"it has a line of more than {LONGEST_LINE:,} bytes"
                raise OSError(message)
            if total > longest:
                message = f"it expands to more than {longest:,} bytes, {MOST_EXPANSION:,} times its size"
                raise OSError(message)
            last = bytes(buffer[buffer.rfind(b"\n", 0, size - 1) + 1 : size]) + rest
            # A file is sorted by wiki, so most blocks have no line of the project. The last line can lie across the end of
            # the buffer.
            inside = (
                buffer.startswith(self._line_start, 0, size)
                or buffer.find(b"\n" + self._line_start, 0, size) >= 0
            )
            if inside or b"\n" + self._line_start in b"\n" + last:
                yield b"".join((memoryview(buffer)[:size], rest)), after_record
            after_record = _RECORD_END.search(last.removesuffix(b"\n")) is not None


def _size(path: Path) -> int:
    """The bytes of a file on disk.

    Raises:
        SettingError: it does not exist, or is not a regular file. The file is read twice, which a pipe cannot be.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _unusable(path, f"cannot be read ({error})") from None
    if not stat.S_ISREG(status.st_mode):
        raise _unusable(path, "is not a regular file")
    return status.st_size


def _refuse_repeated(files: Sequence[Path]) -> None:
    """Refuse a file that is named twice, because its views would be added twice."""
    first: dict[Path, Path] = {}
    for path in files:
        other = first.setdefault(path.resolve(), path)
        if other is not path:
            raise _unusable(path, f"is the same file as {other}")


def _refuse_unusable(path: Path, day: dt.date) -> None:
    """Refuse a file that is not a daily dump of the day, judged by its name, its type and its first lines."""
    match = _DAY_IN_NAME.search(path.name)
    if match is not None and match.group(0).replace("-", "") != f"{day:%Y%m%d}":
        raise _unusable(path, f"is not of {day}, by its name")
    _size(path)
    lines = _first_lines(path)
    records = [line for line in lines if _RECORD_END.search(line)]
    # Every record of a daily file has the form of a monthly file, too.
    monthly = [line for line in lines if _MONTHLY_RECORD_END.search(line)]
    if len(monthly) > len(records):
        raise _unusable(path, "is a monthly file, its letters are days")
    if any(lines) and not records:
        raise _unusable(path, "is not a pageview_complete file: none of its first lines has that form")


def _first_lines(path: Path) -> list[bytes]:
    try:
        with _open_dump(path) as stream:
            return [stream.readline(_LONGEST_SAMPLE).rstrip(b"\n") for _ in range(_SAMPLE_LINES)]
    except _READ_ERRORS as error:
        raise _unusable(path, f"cannot be read ({error})") from None


@contextmanager
def _open_dump(path: Path, on_read: Callable[[int], None] = lambda _size: None) -> Iterator[BufferedIOBase]:
    """Open the decompressed bytes of a file. `on_read` is called with the number of bytes of each read from disk."""
    with io.BufferedReader(_CountingFile(path, on_read)) as file:
        start = file.peek(3)
        if start.startswith(b"BZh"):
            yield bz2.BZ2File(file)
        elif start.startswith(b"\x1f\x8b"):
            yield gzip.GzipFile(fileobj=file)
        else:
            yield file


class _CountingFile(io.FileIO):
    """A file that reports how many bytes were read from it."""

    def __init__(self, path: Path, on_read: Callable[[int], None]) -> None:
        super().__init__(path)
        self._on_read = on_read

    def readinto(self, buffer: Buffer, /) -> int:
        size = super().readinto(buffer)
        self._on_read(size)
        return size


def _unusable(path: Path, problem: str) -> SettingError:
    return SettingError(
        name="from_dump",
        value=str(path),
        origin="--from-dump",
        problem=problem,
        fix="Name daily files of https://dumps.wikimedia.org/other/pageview_complete/, as they are or decompressed.",
    )

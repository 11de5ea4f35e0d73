"""Reads a day's lists from Wikimedia's `pageview_complete` files, which have every page and not only the first thousand.

A line is `wiki title page_id device total hourly`, and a page has one line for each device. The page id is missing in older files,
and for titles without a page. A title is raw user input and can contain spaces and line breaks. So a line is parsed from its beginning and
from its end. If a line does not end a record, the next lines are the rest of the record's title. The titles of real pages have no line
breaks, so a record with a line break is left out and counted. Source: https://dumps.wikimedia.org/other/pageview_complete/readme.html.

The reader streams files in blocks of a few megabytes and parses only a few blocks at once, so memory does not grow with the dump.
Reading fails on a line of more than a megabyte, and on a compressed file that expands more than a thousandfold. A file that is not
a dump, is of another day, has the views of programs, or cannot be read to its end raises `SettingError`.
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

    from wiki_trends.pipeline.lists.top_list import ListRow

    ProgressCallback: TypeAlias = Callable[[float], None]

BLOCK_BYTES = 6 * 1024 * 1024
PARSER_THREADS = 3
# The number of blocks that can wait for a thread. Meanwhile, the reader continues and skips the lines of other wikis.
MAX_QUEUED_BLOCKS = 8
# The first lines of a file from which the kind of the file is recognised.
_SAMPLE_LINES = 200
_MAX_SAMPLE_LINE_BYTES = 64 * 1024
MAX_LINE_BYTES = 1024 * 1024
# A real file expands five to ten times. A file that expands more than this was made to exhaust the reader.
MAX_EXPANSION_FACTOR = 1000
# Every file may expand to this size.
_MIN_EXPANDED_BYTES = 64 * 1024 * 1024
# The streams raise these errors if a file is damaged or cut short.
_READ_ERRORS = (OSError, EOFError, zlib.error)
# The end of a record: the device, the views of the day, and the views of each hour.
_RECORD_END = re.compile(rb" (?:desktop|mobile-web|mobile-app) \d+ (?:[A-X]\d+)+$")
# In a daily file, the letters A to X are hours. In a monthly file, the letters are days and continue after X.
_MONTHLY_RECORD_END = re.compile(rb" (?:desktop|mobile-web|mobile-app) \d+ (?:[A-_]\d+)+$")
# The files of a day are `pageviews-20251105-user.bz2`, `…-automated.bz2` and `…-spider.bz2`.
_PROGRAMS_IN_NAME = re.compile(r"-(automated|spider)(?:\.|$)")
_DAY_IN_NAME = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")


@dataclass(frozen=True, slots=True)
class Dump:
    """The lists of one project from dump files.

    Attributes:
        lists: the lists by access method. The most viewed title is first. Tied titles share a rank (1, 2, 2, 4).
        records: the number of the project's records.
        broken: the number of the project's lines that are not a complete record.
        files: the names of the files.
    """

    lists: dict[str, list[ListRow]]
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
    """Read the most viewed titles of a project, for `all-access` and each device, from daily files of one day.

    Args:
        files: the paths of the files, compressed with bzip2 or gzip, or not compressed.
        project: the project, for example `en.wikipedia`.
        day: the day of the files.
        top: the number of titles in each list.
        on_progress: a callback for the fraction of the files that has been read, 0 to 1.

    Raises:
        SettingError: a file does not exist, is not a daily dump, is of another day, is named twice, or cannot be read to its
            end. Also raised if no file has a record of the project.
        ValueError: `files` is empty, or `top` is not positive.
    """
    if not files or top < 1:
        message = f"{len(files)} files and the first {top} titles: both must be 1 or more"
        raise ValueError(message)
    for path in files:
        _check_file(path, day)
    _refuse_repeated(files)
    for name in spellings(project):
        try:
            # A file is sorted by title, so most of its records can be dropped early. Several files have the same titles.
            lists, reader = _read_lists(files, name, top, on_progress, is_sorted=len(files) == 1)
        except NotInOrder:
            lists, reader = _read_lists(files, name, top, on_progress, is_sorted=False)
        if lists:
            break
    else:
        raise _file_error(files[0], f"holds no line of {project}")
    return Dump(lists, reader.records, reader.broken, tuple(path.name for path in files))


def _read_lists(
    files: Sequence[Path], project: str, top: int, on_progress: ProgressCallback | None, *, is_sorted: bool
) -> tuple[dict[str, list[ListRow]], _RecordReader]:
    """Read the lists by access method; also return the reader, which has counted the records and the broken lines."""
    total_bytes = sum(_file_size(path) for path in files)
    bytes_read = 0

    def on_read(size: int) -> None:
        nonlocal bytes_read
        bytes_read += size
        if on_progress is not None and size:
            on_progress(bytes_read / total_bytes)

    with tempfile.TemporaryDirectory(prefix="wiki-trends-dump-") as folder:
        top_titles = TopTitles(Path(folder), top, is_sorted=is_sorted)
        reader = _RecordReader(project, top_titles.drop_small_records)
        for path in files:
            max_bytes = max(_MIN_EXPANDED_BYTES, MAX_EXPANSION_FACTOR * _file_size(path))
            try:
                with (
                    _open_dump(path, on_read) as stream,
                    closing(reader.read_frames(stream, max_bytes)) as frames,
                ):
                    for frame in frames:
                        top_titles.add(frame)
            except _READ_ERRORS as error:
                raise _file_error(path, f"cannot be read to its end ({error})") from None
        return top_titles.lists(), reader


class _RecordReader:
    """Reads the records of one project from streams of bytes, and counts the records and the broken lines.

    Args:
        project: the project, for example `en.wikipedia`.
        drop_small_records: a function that drops records of titles that cannot be in a list. The parser threads call it for each block.
    """

    def __init__(self, project: str, drop_small_records: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        self._drop_small_records = drop_small_records
        self.records = 0
        self.broken = 0
        self._project = project
        self._line_start = project.encode() + b" "

    def read_frames(self, stream: BufferedIOBase, max_bytes: int) -> Generator[pl.DataFrame]:
        """Yield a frame of records for each block with lines of the project, with the columns that `TopTitles.add` requires.

        Raises:
            OSError: the stream cannot be read, has a line that is too long, or has more than `max_bytes` bytes.
        """
        queue: deque[Future[tuple[pl.DataFrame, int, int]]] = deque()
        pool = ThreadPoolExecutor(PARSER_THREADS)
        try:
            for block, is_after_record in self._read_blocks(stream, max_bytes):
                queue.append(pool.submit(self._parse, block, is_after_record=is_after_record))
                while queue and (len(queue) > MAX_QUEUED_BLOCKS or queue[0].done()):
                    yield self._count(*queue.popleft().result())
            while queue:
                yield self._count(*queue.popleft().result())
        finally:
            pool.shutdown(cancel_futures=True)

    def _parse(self, block: bytes, *, is_after_record: bool) -> tuple[pl.DataFrame, int, int]:
        lines, broken = parse_lines(block, self._project, is_after_record=is_after_record)
        return self._drop_small_records(lines), lines.height, broken

    def _count(self, frame: pl.DataFrame, records: int, broken: int) -> pl.DataFrame:
        self.records += records
        self.broken += broken
        return frame

    def _read_blocks(self, stream: BufferedIOBase, max_bytes: int) -> Iterator[tuple[bytes, bool]]:
        """Yield each block of complete lines with lines of the project, and whether the line before the block ends a record."""
        # All blocks use one buffer, because allocating a buffer takes as long as reading a block.
        buffer = bytearray(BLOCK_BYTES)
        is_after_record = True
        bytes_read = 0
        while size := stream.readinto(buffer):
            rest_of_line = stream.readline(MAX_LINE_BYTES)
            bytes_read += size + len(rest_of_line)
            if len(rest_of_line) == MAX_LINE_BYTES and not rest_of_line.endswith(b"\n"):
                message = f"it has a line of more than {MAX_LINE_BYTES:,} bytes"
                raise OSError(message)
            if bytes_read > max_bytes:
                message = (
                    f"it expands to more than {max_bytes:,} bytes, {MAX_EXPANSION_FACTOR:,} times its size"
                )
                raise OSError(message)
            last_line = bytes(buffer[buffer.rfind(b"\n", 0, size - 1) + 1 : size]) + rest_of_line
            # A file is sorted by wiki, so most blocks have no line of the project. The last line may be incomplete at the end of the
            # buffer, so it is searched separately.
            has_project_line = (
                buffer.startswith(self._line_start, 0, size)
                or buffer.find(b"\n" + self._line_start, 0, size) >= 0
            )
            if has_project_line or b"\n" + self._line_start in b"\n" + last_line:
                yield b"".join((memoryview(buffer)[:size], rest_of_line)), is_after_record
            is_after_record = _RECORD_END.search(last_line.removesuffix(b"\n")) is not None


def _file_size(path: Path) -> int:
    """Return the size of a file in bytes.

    Raises:
        SettingError: the file does not exist, or is not a regular file. A pipe cannot be used, because files are read twice.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _file_error(path, f"cannot be read ({error})") from None
    if not stat.S_ISREG(status.st_mode):
        raise _file_error(path, "is not a regular file")
    return status.st_size


def _refuse_repeated(files: Sequence[Path]) -> None:
    """Refuse a file that is named twice, because its views would be added twice."""
    first_paths: dict[Path, Path] = {}
    for path in files:
        first_path = first_paths.setdefault(path.resolve(), path)
        if first_path is not path:
            raise _file_error(path, f"is the same file as {first_path}")


def _check_file(path: Path, day: dt.date) -> None:
    """Check the name, the type and the first lines of a file, and refuse a file that is not a daily dump of the day."""
    match = _DAY_IN_NAME.search(path.name)
    if match is not None and match.group(0).replace("-", "") != f"{day:%Y%m%d}":
        raise _file_error(path, f"is not of {day}, by its name")
    if (program := _PROGRAMS_IN_NAME.search(path.name)) is not None:
        raise _file_error(path, f"has the views of programs ({program[1]}), and the lists are of users")
    _file_size(path)  # Refuses a file that is missing or not regular.
    lines = _read_first_lines(path)
    records = [line for line in lines if _RECORD_END.search(line)]
    # A daily record matches both patterns, so only a larger number shows a monthly file.
    monthly_records = [line for line in lines if _MONTHLY_RECORD_END.search(line)]
    if len(monthly_records) > len(records):
        raise _file_error(path, "is a monthly file, its letters are days")
    if any(lines) and not records:
        raise _file_error(path, "is not a pageview_complete file: none of its first lines has that form")


def _read_first_lines(path: Path) -> list[bytes]:
    try:
        with _open_dump(path) as stream:
            return [stream.readline(_MAX_SAMPLE_LINE_BYTES).rstrip(b"\n") for _ in range(_SAMPLE_LINES)]
    except _READ_ERRORS as error:
        raise _file_error(path, f"cannot be read ({error})") from None


@contextmanager
def _open_dump(path: Path, on_read: Callable[[int], None] = lambda _size: None) -> Iterator[BufferedIOBase]:
    """Open the decompressed bytes of a file, and call `on_read` with the number of bytes of each read from disk."""
    with io.BufferedReader(_CountingFile(path, on_read)) as file:
        start = file.peek(3)
        if start.startswith(b"BZh"):
            yield bz2.BZ2File(file)
        elif start.startswith(b"\x1f\x8b"):
            yield gzip.GzipFile(fileobj=file)
        else:
            yield file


class _CountingFile(io.FileIO):
    """A file that reports the number of bytes of each read."""

    def __init__(self, path: Path, on_read: Callable[[int], None]) -> None:
        super().__init__(path)
        self._on_read = on_read

    def readinto(self, buffer: Buffer, /) -> int:
        size = super().readinto(buffer)
        self._on_read(size)
        return size


def _file_error(path: Path, problem: str) -> SettingError:
    return SettingError(
        name="from_dump",
        value=str(path),
        origin="--from-dump",
        problem=problem,
        fix="Name daily files of https://dumps.wikimedia.org/other/pageview_complete/, as they are or decompressed.",
    )

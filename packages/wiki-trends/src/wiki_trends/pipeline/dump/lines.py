r"""Parses a block of lines of a dump into the records of one project: title, device and views.

A block whose lines all have the usual form is parsed in one pass. In any other block, each line is parsed from both ends. A
line that is not a record, or that belongs to a title with a line break, is left out and counted. No input raises an error.

Since February 2023, Spark's CSV writer has written the files, with a space as the separator. A title with a quote or a space
is quoted, with quotes and backslashes inside it escaped (`"\"Weird_Al\"_Yankovic"`); an empty title is `""`. Spark sorts
the titles before it quotes them. So titles are unquoted first, and their spaces are kept until the order of the file has been
checked. Source: `make_hourly_dumps.hql` of Wikimedia's refinery.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wiki_trends.pipeline.dump.top_k import DEVICES

if TYPE_CHECKING:
    import polars as pl

_COLUMNS = ["wiki", "title", "id", "device", "views", "hours"]
# Stands for a space inside a title while the columns of a line are split.
_SPACE = "\x1f"
_QUOTED = re.compile(rb'"((?:[^"\\\n]|\\[^\n])*+)" ')
_ESCAPED = re.compile(rb'\\([\\"])')


def parse_lines(block: bytes, project: str, *, after_record: bool) -> tuple[pl.DataFrame, int]:
    """The project's records in a block, in the form that `TopTitles.add` takes, and the number of its broken lines.

    Titles are unquoted and keep their spaces.

    Args:
        block: complete lines.
        project: for example `en.wikipedia`.
        after_record: the line before the block ends a record.
    """
    block = _unquote_titles(block, project)
    regular = _parse_regular(block, project) if after_record else None
    return _parse_any(block, project, after_record=after_record) if regular is None else (regular, 0)


def _parse_any(block: bytes, project: str, *, after_record: bool) -> tuple[pl.DataFrame, int]:
    """The result of `parse_lines` for any block with unquoted titles."""
    import polars as pl

    raw = _split_lines(block)
    if raw["c7"].null_count() < raw.height:
        raw = _split_lines(_join_spaces(block))
    # The last three columns of a line are device, views and hours. A line has four to six columns.
    columns = [pl.col(f"c{number}") for number in range(1, 7)]
    device, views = columns[0], columns[1]
    for last in range(3, 6):
        present = columns[last].is_not_null()
        device = pl.when(present).then(columns[last - 2]).otherwise(device)
        views = pl.when(present).then(columns[last - 1]).otherwise(views)
    lines = raw.lazy().select(
        "c1", "c2", "c3", "c5", "c6", device=device, views=views.cast(pl.UInt32, strict=False)
    )
    ends_record = pl.col("device").is_in(DEVICES) & (pl.col("views") >= 0)
    lines_of_project = (
        lines.with_columns(ends_record=ends_record.fill_null(value=False))
        .with_columns(begins_record=pl.col("ends_record").shift(1, fill_value=after_record))
        .filter(pl.col("c1") == project)
        .collect()
    )
    # A record has at least five columns. An empty title, which Polars reads as null, is not a page.
    has_title = pl.col("c5").is_not_null() & pl.col("c2").is_not_null()
    records = lines_of_project.filter(pl.col("begins_record") & pl.col("ends_record") & has_title)
    return records.select(_title(records), "device", "views"), lines_of_project.height - records.height


def _unquote_titles(block: bytes, project: str) -> bytes:
    """The same lines, with the quotes and escapes of Spark removed from the project's titles.

    A title that Spark would not have quoted is not changed: in an older file, `"Heroes"` is a title with quotes.
    """
    line_start = b"\n" + project.encode() + b" "
    pieces: list[bytes] = []
    copied = 0
    # `bytes.find` is many times as fast as a regular expression over the block.
    text = b"\n" + block
    at = text.find(line_start + b'"')
    while at >= 0:
        match = _QUOTED.match(text, at + len(line_start))
        if match is not None and (not match[1] or b" " in match[1] or b'\\"' in match[1]):
            pieces += [text[copied : match.start()], _ESCAPED.sub(rb"\1", match[1])]
            copied = match.end() - 1
        at = text.find(line_start + b'"', at + 1)
    return b"".join((*pieces, text[copied:]))[1:] if pieces else block


def _parse_regular(block: bytes, project: str) -> pl.DataFrame | None:
    """Title, device and views of a block whose lines are all records of the project; None for any other block."""
    import polars as pl

    last = block[block.rfind(b"\n", 0, len(block) - 1) + 1 :]
    # The hours are not parsed, so only this check detects a file that is cut within the last line's views.
    if len(last.split()) != len(_COLUMNS):
        return None
    # The device is parsed as text, because comparing texts below is faster than parsing an enum.
    schema: dict[str, Any] = dict.fromkeys(_COLUMNS, pl.String) | {"id": pl.Int64, "views": pl.UInt32}
    try:
        # Polars raises an error for a line of another form: more columns, views or an id that are not numbers, not UTF-8.
        lines = pl.read_csv(
            block,
            separator=" ",
            quote_char=None,
            has_header=False,
            schema=schema,
            columns=list(range(len(_COLUMNS) - 1)),
            null_values={"id": "null"},
        )
    except pl.exceptions.PolarsError:
        return None
    device = pl.any_horizontal(pl.col("device").eq_missing(name) for name in DEVICES)
    present = [pl.col(name).is_not_null().all() for name in ("title", "views")]
    regular = pl.all_horizontal(pl.col("wiki").eq_missing(project).all(), device.all(), *present)
    return lines.select("title", "device", "views") if lines.select(regular).item() else None


def _title(records: pl.DataFrame) -> pl.Expr:
    """The title of each record. Where the third column is not a page id, it is the second part of the title."""
    import polars as pl

    third = pl.col("c3")
    no_id = (third != "null") & third.cast(pl.Int64, strict=False).is_null() & pl.col("c6").is_not_null()
    if not records.select(no_id.any()).item():
        title = pl.col("c2")
    else:
        title = pl.when(no_id).then(pl.concat_str("c2", "c3", separator=" ")).otherwise("c2")
    return title.str.replace_all(_SPACE, " ", literal=True).alias("title")


def _split_lines(block: bytes) -> pl.DataFrame:
    """Seven columns of text, split at single spaces; the seventh is filled only where a title holds spaces."""
    import polars as pl

    return pl.read_csv(
        block,
        separator=" ",
        quote_char=None,
        has_header=False,
        schema={f"c{number}": pl.String for number in range(1, 8)},
        truncate_ragged_lines=True,
        missing_columns="insert",
        extra_columns="ignore",
        encoding="utf8-lossy",
    )


def _join_spaces(block: bytes) -> bytes:
    """The same lines, with a placeholder for each space inside a title."""
    return b"\n".join(_join_title(line) if line.count(b" ") > 5 else line for line in block.split(b"\n"))


def _join_title(line: bytes) -> bytes:
    wiki, *middle, device, total, hourly = line.split(b" ")
    page_id = middle.pop() if middle[-1].isdigit() or middle[-1] == b"null" else b"null"
    return b" ".join((wiki, _SPACE.encode().join(middle), page_id, device, total, hourly))

r"""Parses a block of lines of a dump into the records of one project: title, device and views.

If all lines of a block have the usual form, Polars parses the block in one pass. In any other block, each line is parsed from its
beginning and from its end. A line is *broken* if it is not a record, or if it belongs to a title with a line break. Broken lines are left
out and counted. No input raises an error.

Since February 2023, Spark's CSV writer has written the files, with a space as the separator. Spark quotes a title with a quote or a
space, and escapes quotes and backslashes inside the title (`"\"Weird_Al\"_Yankovic"`). An empty title is `""`. Spark sorts the titles
before it quotes them, so this module removes the quotes before `top_k.py` checks the order. For the same reason, titles keep their
spaces until then. Source: `make_hourly_dumps.hql` of Wikimedia's refinery.
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
# A title in quotes with the space after it, and an escaped character inside the quotes.
_QUOTED = re.compile(rb'"((?:[^"\\\n]|\\[^\n])*+)" ')
_ESCAPED = re.compile(rb'\\([\\"])')


def parse_lines(block: bytes, project: str, *, is_after_record: bool) -> tuple[pl.DataFrame, int]:
    """Parse a block into the project's records, and count the project's broken lines.

    The records have the columns that `TopTitles.add` requires. Titles are unquoted and keep their spaces.

    Args:
        block: a block of complete lines.
        project: the project, for example `en.wikipedia`.
        is_after_record: whether the line before the block ends a record.
    """
    block = _unquote_titles(block, project)
    records = _parse_regular(block, project) if is_after_record else None
    return (
        _parse_irregular(block, project, is_after_record=is_after_record) if records is None else (records, 0)
    )


def _parse_irregular(block: bytes, project: str, *, is_after_record: bool) -> tuple[pl.DataFrame, int]:
    """Parse a block with unquoted titles, each line from both ends. Return the same values as `parse_lines`."""
    import polars as pl

    frame = _split_lines(block)
    if frame["c7"].null_count() < frame.height:
        frame = _split_lines(_join_spaces(block))
    # A line that ends a record ends with device, views and hours. It has six columns, or five without a page id, or four if it is the rest
    # of a title with a line break. In a shorter line, c1 is taken as the device; it is not a device, so the line ends no record.
    columns = [pl.col(f"c{number}") for number in range(1, 7)]
    device, views = columns[0], columns[1]
    for last in range(3, 6):
        has_column = columns[last].is_not_null()
        device = pl.when(has_column).then(columns[last - 2]).otherwise(device)
        views = pl.when(has_column).then(columns[last - 1]).otherwise(views)
    lines = frame.lazy().select(
        "c1", "c2", "c3", "c5", "c6", device=device, views=views.cast(pl.UInt32, strict=False)
    )
    ends_record = pl.col("device").is_in(DEVICES) & (pl.col("views") >= 0)
    lines_of_project = (
        lines.with_columns(ends_record=ends_record.fill_null(value=False))
        .with_columns(begins_record=pl.col("ends_record").shift(1, fill_value=is_after_record))
        .filter(pl.col("c1") == project)
        .collect()
    )
    # A record has at least five columns and a title. Polars reads an empty title as null.
    has_title = pl.col("c5").is_not_null() & pl.col("c2").is_not_null()
    records = lines_of_project.filter(pl.col("begins_record") & pl.col("ends_record") & has_title)
    return records.select(
        _title_expression(records), "device", "views"
    ), lines_of_project.height - records.height


def _unquote_titles(block: bytes, project: str) -> bytes:
    """Remove the quotes and escapes that Spark has added to the project's titles.

    A title that Spark would not quote stays as it is: in an older file, `"Heroes"` is a title with quotes.
    """
    line_start = b"\n" + project.encode() + b" "
    pieces: list[bytes] = []
    copied_bytes = 0
    # `bytes.find` is many times as fast as a regular expression over the block.
    text = b"\n" + block
    position = text.find(line_start + b'"')
    while position >= 0:
        match = _QUOTED.match(text, position + len(line_start))
        if match is not None and (not match[1] or b" " in match[1] or b'\\"' in match[1]):
            pieces += [text[copied_bytes : match.start()], _ESCAPED.sub(rb"\1", match[1])]
            copied_bytes = match.end() - 1  # The match ends with the space after the quotes, which stays.
        position = text.find(line_start + b'"', position + 1)
    return b"".join((*pieces, text[copied_bytes:]))[1:] if pieces else block


def _parse_regular(block: bytes, project: str) -> pl.DataFrame | None:
    """Parse a block in one pass if all lines are records of the project; return None for any other block."""
    import polars as pl

    last_line = block[block.rfind(b"\n", 0, len(block) - 1) + 1 :]
    # Polars does not parse the hours, so only this check detects a file that is cut inside the last line.
    if len(last_line.split()) != len(_COLUMNS):
        return None
    # Comparing the devices as text is faster than parsing an enum.
    schema: dict[str, Any] = dict.fromkeys(_COLUMNS, pl.String) | {"id": pl.Int64, "views": pl.UInt32}
    try:
        # Polars raises an error if a line has too many columns, if views or id are not numbers, or if text is not UTF-8.
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
    is_device = pl.any_horizontal(pl.col("device").eq_missing(name) for name in DEVICES)
    has_values = [pl.col(name).is_not_null().all() for name in ("title", "views")]
    is_regular = pl.all_horizontal(pl.col("wiki").eq_missing(project).all(), is_device.all(), *has_values)
    return lines.select("title", "device", "views") if lines.select(is_regular).item() else None


def _title_expression(records: pl.DataFrame) -> pl.Expr:
    """Return an expression for the titles. In a line with six columns, a third column that is not a page id belongs to the title."""
    import polars as pl

    third_column = pl.col("c3")
    third_is_title = (
        (third_column != "null")
        & third_column.cast(pl.Int64, strict=False).is_null()
        & pl.col("c6").is_not_null()
    )
    if not records.select(third_is_title.any()).item():
        title = pl.col("c2")
    else:
        title = pl.when(third_is_title).then(pl.concat_str("c2", "c3", separator=" ")).otherwise("c2")
    return title.str.replace_all(_SPACE, " ", literal=True).alias("title")


def _split_lines(block: bytes) -> pl.DataFrame:
    """Split lines at spaces into seven columns of text. Only a line whose title has spaces has a seventh column."""
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
    """Replace each space inside a title with a placeholder, in lines with more columns than `_COLUMNS`."""
    max_separators = len(_COLUMNS) - 1
    return b"\n".join(
        _join_title(line) if line.count(b" ") > max_separators else line for line in block.split(b"\n")
    )


def _join_title(line: bytes) -> bytes:
    wiki, *middle, device, views, hours = line.split(b" ")
    page_id = middle.pop() if middle[-1].isdigit() or middle[-1] == b"null" else b"null"
    return b" ".join((wiki, _SPACE.encode().join(middle), page_id, device, views, hours))

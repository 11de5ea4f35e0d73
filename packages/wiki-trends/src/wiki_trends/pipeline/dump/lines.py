"""The lines of a piece of a dump, read in Polars: titles of one project, each with a device and its views.

A piece whose lines all have the usual form is read in one go; any other with care, from both ends of each line. A line
that is no record, or the rest of one, is counted and left out; nothing here fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wiki_trends.pipeline.dump.top_k import DEVICES

if TYPE_CHECKING:
    import polars as pl

_COLUMNS = ["wiki", "title", "id", "device", "views", "hours"]


def lines_of(chunk: bytes, project: str, *, whole: bool) -> tuple[pl.DataFrame, int]:
    """The project's records in a piece, as `Sums` takes them, and how many of its lines are broken.

    `whole`: the line before the piece is the end of a record.
    """
    import polars as pl

    regular = _regular(chunk, project) if whole else None
    if regular is not None:
        return regular, 0
    raw = _parsed(chunk)
    if raw["c7"].null_count() < raw.height:
        raw = _parsed(_with_spaces_joined(chunk))
    # The last three of a line are device, views and hours, however many it has.
    columns = [pl.col(f"c{number}") for number in range(1, 7)]
    device, views = columns[0], columns[1]
    for place in range(3, 6):
        there = columns[place].is_not_null()
        device = pl.when(there).then(columns[place - 2]).otherwise(device)
        views = pl.when(there).then(columns[place - 1]).otherwise(views)
    lines = raw.lazy().select(
        "c1", "c2", "c3", "c5", "c6", device=device, views=views.cast(pl.UInt32, strict=False)
    )
    ends = pl.col("device").is_in(DEVICES) & (pl.col("views") >= 0)
    mine = (
        lines.with_columns(ends=ends.fill_null(value=False))
        .with_columns(begins=pl.col("ends").shift(1, fill_value=whole))
        .filter(pl.col("c1") == project)
        .collect()
    )
    good = mine.filter(pl.col("ends") & pl.col("begins") & pl.col("c5").is_not_null())
    return good.select(_title(good), "device", "views"), mine.height - good.height


def _regular(chunk: bytes, project: str) -> pl.DataFrame | None:
    """Title, device and views of a piece all of whose lines are records of the project; None of any other piece."""
    import polars as pl

    last = chunk[chunk.rfind(b"\n", 0, len(chunk) - 1) + 1 :]
    # Hours are not read, so a file that breaks off in the last total is seen here. Any other line is seen whole by the next.
    if len(last.split()) != len(_COLUMNS):
        return None
    # Text for what only a few values can be: comparing it below is faster than to read it as an enum.
    schema: dict[str, Any] = dict.fromkeys(_COLUMNS, pl.String) | {"id": pl.Int64, "views": pl.UInt32}
    try:
        # A line of another form makes it fail: no number, more columns, bytes that are no UTF-8.
        lines = pl.read_csv(
            chunk,
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
    there = [pl.col(name).is_not_null().all() for name in ("title", "views")]
    regular = pl.all_horizontal(pl.col("wiki").eq_missing(project).all(), device.all(), *there)
    return lines.select("title", "device", "views") if lines.select(regular).item() else None


def _title(records: pl.DataFrame) -> pl.Expr:
    import polars as pl

    third = pl.col("c3")
    # What stands for the page id and is none belongs to the title.
    no_id = (third != "null") & third.cast(pl.Int64, strict=False).is_null() & pl.col("c6").is_not_null()
    if not records.select(no_id.any()).item():
        return pl.col("c2").alias("title")
    return pl.when(no_id).then(pl.concat_str("c2", "c3", separator="_")).otherwise("c2").alias("title")


def _parsed(chunk: bytes) -> pl.DataFrame:
    """Seven columns of text by single spaces; the last is there only where a title holds spaces."""
    import polars as pl

    return pl.read_csv(
        chunk,
        separator=" ",
        quote_char=None,
        has_header=False,
        schema={f"c{number}": pl.String for number in range(1, 8)},
        truncate_ragged_lines=True,
        missing_columns="insert",
        encoding="utf8-lossy",
    )


def _with_spaces_joined(chunk: bytes) -> bytes:
    """The same lines, with underscores for the spaces of titles, as in all other titles."""
    return b"\n".join(_joined(line) if line.count(b" ") > 5 else line for line in chunk.split(b"\n"))


def _joined(line: bytes) -> bytes:
    wiki, *middle, device, total, hourly = line.split(b" ")
    last = middle.pop() if middle[-1].isdigit() or middle[-1] == b"null" else b"null"
    return b" ".join((wiki, b"_".join(middle), last, device, total, hourly))

"""Export a published table as CSV, Parquet or JSON.

`export` raises `SettingError` for an unknown table or format. It raises `WarehouseError` when the warehouse cannot be read, or
when the version that published the window did not have the table.
"""

from __future__ import annotations

import logging
import tempfile
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from wiki_trends.errors import SettingError, WarehouseError
from wiki_trends.warehouse.base import KEYS, RUNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import polars as pl

    from wiki_trends.warehouse.base import Warehouse

logger = logging.getLogger(__name__)

FORMATS = ("csv", "parquet", "json")
SURPRISES = "surprises"
# The columns that order the rows of each table.
_ORDER_COLUMNS = {**KEYS, RUNS: ("run",)}
_BATCH_ROWS = 50_000
_DIAMOND = "wiki_diamond"
_SELECT_COLUMNS = """
SELECT column_name, lower(data_type) AS sql_type FROM information_schema.columns
WHERE table_name = ? AND table_schema = current_schema() ORDER BY ordinal_position
"""


def export(
    warehouse: Warehouse, table: str, file_format: str, stream: BinaryIO, *, exact: bool = False
) -> None:
    """Write all rows of a published table, ordered by the table's key, in batches that fit into memory.

    The table `SURPRISES` is not published. It is computed from `wiki_diamond`, and has the surprise of each page on each day.

    A CSV file has a header, commas between the cells, and empty cells for null. A JSON file contains one list of objects.
    Both use UTF-8 and write days as `YYYY-MM-DD`. In CSV, text that a spreadsheet would run as a formula gets an apostrophe
    in front (see `spreadsheet`), unless `exact` is true. Parquet and JSON always contain the exact text.

    Args:
        warehouse: the warehouse that contains the table.
        table: the name of the table, or `SURPRISES`.
        file_format: one of `FORMATS`.
        stream: the stream to write the rows to.
        exact: whether a CSV file contains the exact text, so that its titles can be joined with those of other data.
    """
    _refuse_unknown("TABLE", table, (*_ORDER_COLUMNS, SURPRISES))
    _refuse_unknown("--format", file_format, FORMATS)
    if table == SURPRISES:
        with surprises(warehouse) as frames:
            _write(frames, file_format, stream, exact=exact)
        return
    with warehouse.reading() as reader:
        columns = {row["column_name"]: row["sql_type"] for row in reader.rows(_SELECT_COLUMNS, table)}
        if not columns:
            raise WarehouseError(
                warehouse=warehouse.url,
                problem=f"it was published by version {reader.last_run().version}, which had no {table}",
                fix="Run `wiki-trends analyze` for this window again.",
            )
        order = ", ".join(_ORDER_COLUMNS[table])
        batches = reader.batches(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608 - a constant
        _write(_frames(columns, batches), file_format, stream, exact=exact)


def _write(frames: Iterable[pl.DataFrame], file_format: str, stream: BinaryIO, *, exact: bool) -> None:
    """Write the frames in a format. Only CSV is opened by spreadsheets, so only CSV gets apostrophes before formulas."""
    escaped = file_format == "csv" and not exact
    _WRITERS[file_format](map(_with_escaped_formulas, frames) if escaped else frames, stream)


@contextmanager
def surprises(warehouse: Warehouse) -> Iterator[Iterator[pl.DataFrame]]:
    """Compute the surprise of each page on each day of `wiki_diamond`; yield an iterator of data frames with its rows."""
    from wiki_trends.analytics.engines.duckdb import computed_surprises
    from wiki_trends.analytics.tables.declarations import ROW_TYPES
    from wiki_trends.analytics.tables.page_days import TYPES

    with warehouse.reading() as reader:
        columns = {row["column_name"]: row["sql_type"] for row in reader.rows(_SELECT_COLUMNS, _DIAMOND)}
        rows = reader.batches(f"SELECT {', '.join(ROW_TYPES)} FROM {_DIAMOND}")  # noqa: S608 - constants
        types = {name: columns[name] for name in ROW_TYPES}
        with computed_surprises(_frames(types, rows)) as batches:
            yield _frames(TYPES, batches)


def _refuse_unknown(origin: str, value: str, allowed: Sequence[str]) -> None:
    """Raise `SettingError` if the value of an argument or an option is not allowed; `origin` is the name as the user writes it."""
    if value not in allowed:
        raise SettingError(
            name=origin.strip("-").lower(),
            value=value,
            origin=origin,
            problem="is not known",
            fix=f"Give one of {', '.join(allowed)}.",
        )


def _with_escaped_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with an apostrophe in front of each text that a spreadsheet would run as a formula."""
    import polars as pl

    from wiki_trends.queries.spreadsheet import FORMULA_PATTERN

    text = pl.col(pl.String)
    return frame.with_columns(
        pl.when(text.str.contains(FORMULA_PATTERN)).then("'" + text).otherwise(text).name.keep()
    )


def _write_csv(frames: Iterable[pl.DataFrame], stream: BinaryIO) -> None:
    stream.writelines(
        frame.write_csv(include_header=not number).encode() for number, frame in enumerate(frames)
    )


def _write_json(frames: Iterable[pl.DataFrame], stream: BinaryIO) -> None:
    stream.write(b"[")
    for number, frame in enumerate(frames):
        rows = frame.write_json().strip().removeprefix("[").removesuffix("]")
        stream.write(f"{',' if number else ''}{rows}".encode())
    stream.write(b"]\n")


def _write_parquet(frames: Iterable[pl.DataFrame], stream: BinaryIO) -> None:
    """Write temporary files and merge them, because Polars cannot append row groups to a Parquet file."""
    import shutil

    import polars as pl

    with tempfile.TemporaryDirectory(prefix="wiki-trends-") as name:
        parts, merged = Path(name, "parts"), Path(name, "merged.parquet")
        parts.mkdir()
        for number, frame in enumerate(frames):
            frame.write_parquet(parts / f"{number:08}.parquet")
        # A column that a user added can have different types in the parts, because Polars infers its type from the values of each part.
        # In a part without values, the type is null. `vertical_relaxed` converts the parts to a common type.
        scans = [pl.scan_parquet(part) for part in sorted(parts.iterdir())]
        pl.concat(scans, how="vertical_relaxed").sink_parquet(merged)
        with merged.open("rb") as file:
            shutil.copyfileobj(file, stream)


_WRITERS: Mapping[str, Callable[[Iterable[pl.DataFrame], BinaryIO], None]] = {
    "csv": _write_csv,
    "json": _write_json,
    "parquet": _write_parquet,
}


def _frames(
    columns: Mapping[str, str], batches: Iterable[Sequence[dict[str, object]]]
) -> Iterator[pl.DataFrame]:
    """Yield the rows as data frames, at least one, whose columns have the types that they have in the warehouse."""
    import polars as pl

    polars_types: dict[str, pl.DataType | type[pl.DataType]] = {
        "varchar": pl.String,
        "text": pl.String,
        "date": pl.Date,
        "timestamp": pl.Datetime("us"),
        "timestamp without time zone": pl.Datetime("us"),
        "timestamp with time zone": pl.Datetime("us"),
        "jsonb": pl.String,
        "bigint": pl.Int64,
        "integer": pl.Int32,
        "double": pl.Float64,
        "double precision": pl.Float64,
        "boolean": pl.Boolean,
    }
    # A column that a user added can have another type, which Polars infers from the values.
    schema = {name: polars_types.get(sql_type) for name, sql_type in columns.items()}
    row_count, all_rows = 0, chain.from_iterable(batches)
    while rows := list(islice(all_rows, _BATCH_ROWS)):
        yield pl.DataFrame(rows, schema=schema, infer_schema_length=None)
        row_count += len(rows)
        logger.info("%s rows written", f"{row_count:,}")
    if not row_count:
        yield pl.DataFrame(schema=schema)

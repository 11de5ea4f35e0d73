"""Export a published table as CSV, Parquet or JSON.

Fails with `SettingError` for an unknown table or format, and with `WarehouseError`. `output_file` opens the target.
"""

from __future__ import annotations

import logging
import tempfile
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
_ORDER = {**KEYS, RUNS: ("run",)}
_BATCH_ROWS = 50_000
_COLUMNS = """
SELECT column_name, lower(data_type) AS kind FROM information_schema.columns
WHERE table_name = ? AND table_schema = current_schema() ORDER BY ordinal_position
"""


def export(warehouse: Warehouse, table: str, form: str, stream: BinaryIO) -> None:
    """Write all rows of a published table in the order of its key, in batches: the table need not fit into memory.

    CSV has a header, commas, and nothing for null. JSON is one list of objects. Both are UTF-8, days as `YYYY-MM-DD`. In CSV
    a text that a spreadsheet would take for a formula gets an apostrophe before it (`spreadsheet`). Parquet and JSON are exact.

    Args:
        warehouse: the warehouse that holds the table.
        table: its name.
        form: one of `FORMATS`.
        stream: the rows are written to it.
    """
    _one_of("TABLE", table, tuple(_ORDER))
    _one_of("--format", form, FORMATS)
    with warehouse.reading() as reader:
        columns = {row["column_name"]: row["kind"] for row in reader.rows(_COLUMNS, table)}
        if not columns:
            raise WarehouseError(
                warehouse=warehouse.url,
                problem=f"it was published by version {reader.last_run().version}, which had no {table}",
                fix="Run `wiki-trends analyze` for this window again.",
            )
        order = ", ".join(_ORDER[table])
        batches = reader.batches(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608 - a constant
        _WRITERS[form](_frames(columns, batches), stream)


def _one_of(origin: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise SettingError(
            name=origin.strip("-").lower(),
            value=value,
            origin=origin,
            problem="is not known",
            fix=f"Give one of {', '.join(allowed)}.",
        )


def _for_spreadsheets(frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    from wiki_trends.queries.spreadsheet import PATTERN

    text = pl.col(pl.String)
    return frame.with_columns(
        pl.when(text.str.contains(PATTERN)).then("'" + text).otherwise(text).name.keep()
    )


def _csv(frames: Iterable[pl.DataFrame], stream: BinaryIO) -> None:
    stream.writelines(
        _for_spreadsheets(frame).write_csv(include_header=not number).encode()
        for number, frame in enumerate(frames)
    )


def _json(frames: Iterable[pl.DataFrame], stream: BinaryIO) -> None:
    stream.write(b"[")
    for number, frame in enumerate(frames):
        rows = frame.write_json().strip().removeprefix("[").removesuffix("]")
        stream.write(f"{',' if number else ''}{rows}".encode())
    stream.write(b"]\n")


def _parquet(frames: Iterable[pl.DataFrame], stream: BinaryIO) -> None:
    """Write temporary files first and merge them, because a Parquet file ends with a list of all its row groups."""
    import shutil

    import polars as pl

    with tempfile.TemporaryDirectory(prefix="wiki-trends-") as name:
        parts, whole = Path(name, "parts"), Path(name, "whole.parquet")
        parts.mkdir()
        for number, frame in enumerate(frames):
            frame.write_parquet(parts / f"{number:08}.parquet")
        # The type of a column that a user added is inferred in each part alone; it is null where all values are null.
        scans = [pl.scan_parquet(part) for part in sorted(parts.iterdir())]
        pl.concat(scans, how="vertical_relaxed").sink_parquet(whole)
        with whole.open("rb") as file:
            shutil.copyfileobj(file, stream)


_WRITERS: Mapping[str, Callable[[Iterable[pl.DataFrame], BinaryIO], None]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
}


def _frames(
    columns: Mapping[str, str], batches: Iterable[Sequence[dict[str, object]]]
) -> Iterator[pl.DataFrame]:
    """The rows with the column types of the warehouse, also of columns that are all null; at least one frame."""
    import polars as pl

    kinds: dict[str, pl.DataType | type[pl.DataType]] = {
        "varchar": pl.String,
        "text": pl.String,
        "date": pl.Date,
        "timestamp": pl.Datetime("us"),
        "timestamp without time zone": pl.Datetime("us"),
        "bigint": pl.Int64,
        "integer": pl.Int32,
        "double": pl.Float64,
        "double precision": pl.Float64,
        "boolean": pl.Boolean,
    }
    # A column that a user added can be of any type.
    schema = {name: kinds.get(kind) for name, kind in columns.items()}
    written, every = 0, chain.from_iterable(batches)
    while rows := list(islice(every, _BATCH_ROWS)):
        yield pl.DataFrame(rows, schema=schema, infer_schema_length=None)
        written += len(rows)
        logger.info("%s rows written", f"{written:,}")
    if not written:
        yield pl.DataFrame(schema=schema)

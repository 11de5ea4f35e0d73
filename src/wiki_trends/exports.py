"""A published table as CSV, Parquet or JSON.

Fails with `SettingError` for a table, format or target that cannot be used, with `ExportFailed` when the target cannot
be written (nothing is left of it, and what was there before still is), and with `WarehouseError`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wiki_trends.errors import ExportFailed, SettingError, WarehouseError
from wiki_trends.warehouse.base import KEYS, RUNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from wiki_trends.warehouse.base import Warehouse

FORMATS = ("csv", "parquet", "json")
_ORDER = {**KEYS, RUNS: ("run",)}
_COLUMNS = """
SELECT column_name, lower(data_type) AS kind FROM information_schema.columns
WHERE table_name = ? AND table_schema = current_schema() ORDER BY ordinal_position
"""


def exported(warehouse: Warehouse, table: str, form: str) -> bytes:
    """All rows of a published table in the order of its key.

    CSV has a header, commas, and nothing for null; JSON is one list of objects; both are UTF-8, days as `YYYY-MM-DD`. In CSV
    a text that a spreadsheet would take for a formula has an apostrophe before it (`spreadsheet`); the others are exact.

    Args:
        warehouse: where the table is.
        table: its name.
        form: one of `FORMATS`.
    """
    import io

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
        frame = _frame(columns, reader.rows(f"SELECT * FROM {table} ORDER BY {order}"))  # noqa: S608 - a constant
    stream = io.BytesIO()
    if form == "csv":
        _for_spreadsheets(frame).write_csv(stream)
    elif form == "parquet":
        frame.write_parquet(stream)
    else:
        stream.write(frame.write_json().encode())
        stream.write(b"\n")
    return stream.getvalue()


def write(data: bytes, target: Path, *, force: bool) -> None:
    """Put `data` into the file `target`, wholly or not at all; one that is there already stays, unless `force` is given."""
    new = target.with_name(f".{target.name}.{os.getpid()}.part")
    claimed = False
    try:
        if not force:
            target.open("xb").close()
            claimed = True
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(target)
    except FileExistsError:
        raise SettingError(
            name="output",
            value=str(target),
            origin="--output",
            problem="is there already",
            fix="Name another file, or give --force to replace it.",
        ) from None
    except OSError as error:
        new.unlink(missing_ok=True)
        if claimed:
            target.unlink(missing_ok=True)
        raise ExportFailed(target=str(target), problem=error.strerror or str(error)) from error


def _one_of(origin: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise SettingError(
            name=origin.strip("-").lower(),
            value=value,
            origin=origin,
            problem="is not known",
            fix=f"Give one of {', '.join(known)}.",
        )


def _for_spreadsheets(frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    from wiki_trends.spreadsheet import PATTERN

    text = pl.col(pl.String)
    return frame.with_columns(
        pl.when(text.str.contains(PATTERN)).then("'" + text).otherwise(text).name.keep()
    )


def _frame(columns: Mapping[str, str], rows: list[dict[str, object]]) -> pl.DataFrame:
    """The rows with the types that the warehouse says, also of a column that is null all over or a table without rows."""
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
    # What a user has added can be of any type.
    schema = {name: kinds.get(kind) for name, kind in columns.items()}
    return pl.DataFrame(rows, schema=schema, infer_schema_length=None)

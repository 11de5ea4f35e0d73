"""Compute the tables of a window with DuckDB. Up to a limit, the data are in memory. Beyond the limit, DuckDB writes temporary files.

The engine raises `EngineError` when it needs more memory and disk space than it has. It raises `duckdb.Error` for rows without
the columns and types of `ROW_TYPES`. Partitions that satisfy the contract of the dataset have no such rows.
"""

from __future__ import annotations

import logging
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wiki_trends.analytics.engines.base import Computed
from wiki_trends.analytics.engines.memory import available_memory
from wiki_trends.analytics.tables.compilation import duckdb_sql
from wiki_trends.analytics.tables.declarations import (
    DAYS,
    EARLIER,
    EARLIER_DAYS,
    INPUTS,
    PAGE_HISTORY,
    ROWS,
    RUN,
    is_published,
)
from wiki_trends.analytics.tables.page_days import EXPECTED_STEPS, page_day_sql
from wiki_trends.errors import EngineError, TableFailed
from wiki_trends.warehouse.arrow import CONFIG, QueryTable, registered_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import polars as pl
    from duckdb import DuckDBPyConnection

    from smart_orchestrator.model.partition import Partition
    from wiki_trends.analytics.engines.base import Inputs
    from wiki_trends.warehouse.base import ArrowStream

logger = logging.getLogger(__name__)

# This minimum is enough for ten years of lists (four million rows). More memory would hardly make the computation faster. Days with far more
# pages need more memory, because DuckDB cannot move the state of its aggregations to disk.
MIN_MEMORY_BYTES = 800_000_000
BYTES_PER_ROW = 200
MAX_MEMORY_SHARE = 0.8
_BATCH_ROWS = 10_000
_SQL_TYPES = {"date": "DATE", "string": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER", "float64": "DOUBLE"}


class DuckDBEngine:
    """An engine that reads the lake with Polars and computes the tables with DuckDB, in this process."""

    @contextmanager
    def compute(self, inputs: Inputs) -> Iterator[Computed]:
        """Compute the tables; see `Engine.compute`."""
        import polars as pl

        from wiki_trends.analytics.window_rows import read_baseline, read_window

        window = inputs.window
        readable_baseline: list[Partition] = []
        with _Computation.open(inputs.rows) as computation:
            for rows in read_window(inputs.dataset, inputs.used, inputs.rules):
                computation.add(ROWS, rows)
            for rows in read_baseline(inputs.dataset, inputs.baseline, readable_baseline, inputs.rules):
                computation.add(EARLIER, rows)
            computation.add(DAYS, pl.DataFrame({"date": [partition.day for partition in inputs.used]}))
            earlier = pl.DataFrame(
                {"date": [partition.day for partition in readable_baseline]}, schema={"date": pl.Date}
            )
            computation.add(EARLIER_DAYS, earlier)
            run = {
                "dataset": [inputs.dataset.name],
                "window_start": [window.start],
                "window_end": [window.last],
                "project": [inputs.project],
            }
            computation.add(RUN, pl.DataFrame(run))
            if inputs.history.rows is not None:
                computation.add(PAGE_HISTORY, inputs.history.rows)
            yield Computed(computation.tables(), readable_baseline)


@contextmanager
def computed_tables(inputs: Mapping[str, ArrowStream]) -> Iterator[Mapping[str, ArrowStream]]:
    """Compute all tables from input tables. Yield the streams of the computed tables by name. They can be read only within this context.

    Args:
        inputs: the tables of `INPUTS` by name, with at least the columns that `INPUTS` lists.
    """
    with _Computation.open() as computation:
        for name, rows in inputs.items():
            computation.add(name, rows)
        yield computation.tables()


@contextmanager
def computed_surprises(rows: Iterable[pl.DataFrame]) -> Iterator[Iterator[list[dict[str, object]]]]:
    """Compute the surprise of each page on each day. Yield the result in batches of rows, which can be read only within this context.

    The result has the columns of `page_days.TYPES` and is ordered by date, then page.

    Args:
        rows: frames with at least the columns of `ROW_TYPES`. A page occurs at most once for each day.
    """
    with _Computation.open() as computation:
        for frame in rows:
            computation.add(ROWS, frame)
        yield computation.surprises()


def _memory_limit_bytes(rows: int) -> int:
    """Return the memory limit of DuckDB for this number of input rows, in bytes."""
    return min(max(MIN_MEMORY_BYTES, rows * BYTES_PER_ROW), int(available_memory() * MAX_MEMORY_SHARE))


class _Computation:
    """A database in memory that contains the input tables and the intermediate tables (steps) of the computation."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection
        for name, types in INPUTS.items():
            columns = ", ".join(f'"{column}" {_SQL_TYPES[kind]}' for column, kind in types.items())
            connection.execute(f"CREATE TABLE {name} ({columns})")

    @classmethod
    @contextmanager
    def open(cls, rows: int = 0) -> Iterator[_Computation]:
        """Open a database for this number of input rows, and remove its temporary files at the end of the context."""
        import duckdb

        with tempfile.TemporaryDirectory(prefix="wiki-trends-") as folder:
            config = CONFIG | {"memory_limit": f"{_memory_limit_bytes(rows)}B", "temp_directory": folder}
            with duckdb.connect(config=config) as connection, _engine_errors():
                yield cls(connection)

    def add(self, name: str, rows: ArrowStream) -> None:
        """Add rows to the input table with this name."""
        casts = ", ".join(f'CAST("{column}" AS {_SQL_TYPES[kind]})' for column, kind in INPUTS[name].items())
        with registered_stream(self._connection, "incoming", rows):
            self._connection.execute(f"INSERT INTO {name} FROM incoming SELECT {casts}")

    def tables(self) -> Mapping[str, ArrowStream]:
        """Compute the steps, and return the published tables as queries, by name.

        A step is dropped when no later step needs it. A published table is computed only when it is read: the largest
        published tables contain all rows of the inputs, and storing them would double the memory.
        """
        statements = duckdb_sql()
        steps = [name for name in statements if not is_published(name)]
        for number, name in enumerate(steps, start=1):
            logger.info("computing the tables, step %d of %d", number, len(steps))
            self._connection.execute(f"CREATE TABLE {name} AS {statements[name]}")
            self._drop_unneeded_steps(name, statements)
        return {
            name: QueryTable(self._connection, sql) for name, sql in statements.items() if is_published(name)
        }

    def surprises(self) -> Iterator[list[dict[str, object]]]:
        """Compute the steps up to the expected views of each page and day, and yield the surprises in batches."""
        self._connection.execute(f"INSERT INTO {DAYS} SELECT DISTINCT date FROM {ROWS}")  # noqa: S608
        statements = duckdb_sql()
        history, _, expected = EXPECTED_STEPS
        for name in EXPECTED_STEPS:
            self._connection.execute(f"CREATE TABLE {name} AS {statements[name]}")
        cursor = self._connection.execute(page_day_sql(history, expected))
        names = [column[0] for column in cursor.description or []]
        while rows := cursor.fetchmany(_BATCH_ROWS):
            yield [dict(zip(names, row, strict=True)) for row in rows]

    def _drop_unneeded_steps(self, computed: str, statements: Mapping[str, str]) -> None:
        for step in statements:
            # The statements are in the order of computation, so the last dependent is the last table that reads the step.
            dependents = [name for name, sql in statements.items() if f'"{step}"' in sql]
            if dependents and dependents[-1] == computed:
                self._connection.execute(f"DROP TABLE {step}")


@contextmanager
def _engine_errors() -> Iterator[None]:
    """Raise `EngineError` when memory or disk space is exhausted, also while a published table is read."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise _out_of_space_error(str(error)) from error
    except TableFailed as error:
        # The error of a table that is read as a stream contains only the text of DuckDB's error.
        if "Out of Memory Error" in error.reason or "IO Error" in error.reason:
            raise _out_of_space_error(error.reason) from error
        raise TableFailed(engine="DuckDB", reason=error.reason) from error


def _out_of_space_error(reason: str) -> EngineError:
    return EngineError(
        engine="DuckDB",
        problem=f"memory and disk do not suffice ({reason.partition(chr(10))[0]})",
        fix=f"Make room in {tempfile.gettempdir()}, or name another folder in TMPDIR, or use --engine spark.",
    )

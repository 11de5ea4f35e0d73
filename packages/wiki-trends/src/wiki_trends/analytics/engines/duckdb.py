"""Compute the declared tables with DuckDB, in memory, and beyond a memory limit on the disk of this machine.

Fails with `EngineError` when memory and disk do not suffice. Rows that lack a column or do not have the types of
`ROW_TYPES` fail with `duckdb.Error`; rows that were checked against a dataset's contract have them.
"""

from __future__ import annotations

import logging
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wiki_trends.analytics.engines.base import DUCKDB, Computed
from wiki_trends.analytics.engines.memory import available_memory
from wiki_trends.analytics.tables.compiled import compiled
from wiki_trends.analytics.tables.documented import (
    DAYS,
    EARLIER,
    EARLIER_DAYS,
    INPUTS,
    ROWS,
    RUN,
    is_published,
)
from wiki_trends.errors import EngineError, TableFailed
from wiki_trends.warehouse.arrow import CONFIG, registered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from duckdb import DuckDBPyConnection

    from smart_orchestrator.model.partition import Partition
    from wiki_trends.analytics.engines.base import Inputs
    from wiki_trends.warehouse.base import ArrowStream

logger = logging.getLogger(__name__)

# Ten years of lists (four million rows) are computed within the least memory, hardly slower than with more. DuckDB spills
# the rest to disk, except for its state of each group, so that days with many more pages need more.
LEAST_MEMORY = 800_000_000
MEMORY_A_ROW = 200
PART_OF_THE_MACHINE = 0.8
_SQL_TYPES = {"date": "DATE", "string": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER", "float64": "DOUBLE"}


class DuckDBEngine:
    """Reads with Polars, computes with DuckDB, all in this process."""

    @contextmanager
    def computed(self, inputs: Inputs) -> Iterator[Computed]:
        """See `Engine.computed`."""
        import polars as pl

        from wiki_trends.analytics.window_rows import read_baseline, read_window

        window = inputs.window
        baseline: list[Partition] = []
        with _Computation.begun(inputs.rows) as computation:
            for rows in read_window(inputs.dataset, inputs.used):
                computation.add(ROWS, rows)
            for rows in read_baseline(inputs.dataset, inputs.baseline, baseline):
                computation.add(EARLIER, rows)
            computation.add(DAYS, pl.DataFrame({"date": [part.day for part in inputs.used]}))
            earlier = pl.DataFrame({"date": [part.day for part in baseline]}, schema={"date": pl.Date})
            computation.add(EARLIER_DAYS, earlier)
            run = {
                "dataset": [inputs.dataset.name],
                "window_start": [window.start],
                "window_end": [window.last],
            }
            computation.add(RUN, pl.DataFrame(run))
            yield Computed(computation.tables(), baseline)


@contextmanager
def computed(inputs: Mapping[str, ArrowStream]) -> Iterator[Mapping[str, ArrowStream]]:
    """Compute every table from these inputs; their streams, by published name, can be read within this context.

    Args:
        inputs: the tables of `INPUTS`, with at least its columns.
    """
    with _Computation.begun() as computation:
        for name, rows in inputs.items():
            computation.add(name, rows)
        yield computation.tables()


def _memory_for(rows: int) -> int:
    """DuckDB's memory limit for so many rows, in bytes."""
    return min(max(LEAST_MEMORY, rows * MEMORY_A_ROW), int(available_memory() * PART_OF_THE_MACHINE))


class _Computation:
    """A database in memory that holds the inputs and steps, and computes the tables from them."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection
        for name, types in INPUTS.items():
            columns = ", ".join(f'"{column}" {_SQL_TYPES[kind]}' for column, kind in types.items())
            connection.execute(f"CREATE TABLE {name} ({columns})")

    @classmethod
    @contextmanager
    def begun(cls, rows: int = 0) -> Iterator[_Computation]:
        """A new computation for so many rows, whose temporary files are removed afterwards."""
        import duckdb

        with tempfile.TemporaryDirectory(prefix="wiki-trends-") as folder:
            config = CONFIG | {"memory_limit": f"{_memory_for(rows)}B", "temp_directory": folder}
            with duckdb.connect(config=config) as connection, _explained():
                yield cls(connection)

    def add(self, name: str, rows: ArrowStream) -> None:
        """Add rows to an input."""
        casts = ", ".join(f'CAST("{column}" AS {_SQL_TYPES[kind]})' for column, kind in INPUTS[name].items())
        with registered(self._connection, "incoming", rows):
            self._connection.execute(f"INSERT INTO {name} FROM incoming SELECT {casts}")

    def tables(self) -> Mapping[str, ArrowStream]:
        """Every published table. Steps are computed here, and dropped after the last table that needs them.

        Published tables are computed while they are read: the largest are the inputs in another order, and need no copy.
        """
        statements = compiled(DUCKDB)
        for name, sql in statements.items():
            if not is_published(name):
                logger.info("computing %s", name)
                self._connection.execute(f"CREATE TABLE {name} AS {sql}")
                self._drop_what_ends_with(name, statements)
        return {name: self._connection.sql(sql) for name, sql in statements.items() if is_published(name)}

    def _drop_what_ends_with(self, done: str, statements: Mapping[str, str]) -> None:
        for step in statements:
            used = [name for name, sql in statements.items() if f'"{step}"' in sql]
            if used and used[-1] == done:
                self._connection.execute(f"DROP TABLE {step}")


@contextmanager
def _explained() -> Iterator[None]:
    """Raise `EngineError` when memory or disk do not suffice, also while a table is read."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise _without_room(str(error)) from error
    except TableFailed as error:
        if "Out of Memory Error" in error.reason or "IO Error" in error.reason:
            raise _without_room(error.reason) from error
        raise TableFailed(engine="DuckDB", reason=error.reason) from error


def _without_room(reason: str) -> EngineError:
    return EngineError(
        engine="DuckDB",
        problem=f"memory and disk do not suffice ({reason.partition(chr(10))[0]})",
        fix=f"Make room in {tempfile.gettempdir()}, or name another folder in TMPDIR, or use --engine spark.",
    )

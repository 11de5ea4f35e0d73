"""The declared tables computed by DuckDB, in memory.

Fails with `duckdb.Error` on rows that lack a column or do not have the types of `tables.ROW_TYPES`; rows that came
through a dataset's contract have them.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from wiki_trends.analytics.compiled import compiled
from wiki_trends.analytics.engine import DUCKDB, Computed
from wiki_trends.analytics.tables import DAYS, EARLIER, EARLIER_DAYS, INPUTS, ROWS, RUN, published
from wiki_trends.warehouse.arrow import CONFIG, registered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wiki_trends.analytics.engine import Inputs
    from wiki_trends.warehouse.base import ArrowStream

_SQL_TYPES = {"date": "DATE", "string": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER", "float64": "DOUBLE"}


class DuckDBEngine:
    """Reads with Polars, computes with DuckDB, all in the memory of this process."""

    @contextmanager
    def computed(self, inputs: Inputs) -> Iterator[Computed]:
        """See `Engine.computed`."""
        import polars as pl

        from wiki_trends.analytics.window_rows import read_baseline, read_window

        earlier, baseline = read_baseline(inputs.dataset, inputs.baseline)
        window = inputs.window
        run = {
            "dataset": [inputs.dataset.name],
            "window_start": [window.start],
            "window_end": [window.last],
        }
        tables: Mapping[str, ArrowStream] = {
            ROWS: read_window(inputs.dataset, inputs.used),
            DAYS: pl.DataFrame({"date": [part.day for part in inputs.used]}),
            EARLIER: earlier,
            EARLIER_DAYS: pl.DataFrame({"date": [part.day for part in baseline]}, schema={"date": pl.Date}),
            RUN: pl.DataFrame(run),
        }
        with computed(tables) as found:
            yield Computed(found, baseline)


@contextmanager
def computed(inputs: Mapping[str, ArrowStream]) -> Iterator[Mapping[str, ArrowStream]]:
    """Every table by its published name, as streams that can be read within this context.

    Args:
        inputs: the tables of `tables.INPUTS`, with its columns at least.
    """
    import duckdb

    statements = compiled(DUCKDB)
    with duckdb.connect(config=CONFIG) as connection:
        for name, types in INPUTS.items():
            casts = (
                f'CAST("{column}" AS {_SQL_TYPES[kind]}) AS "{column}"' for column, kind in types.items()
            )
            with registered(connection, "incoming", inputs[name]):
                connection.execute(f"CREATE TABLE {name} AS FROM incoming SELECT {', '.join(casts)}")
        for name, sql in statements.items():
            connection.execute(f"CREATE TABLE {name} AS {sql}")
        yield {name: connection.table(name) for name in statements if published(name)}

"""Open an engine by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.analytics.engines.base import DUCKDB, SPARK

if TYPE_CHECKING:
    from wiki_trends.analytics.engines.base import Engine


def open_engine(name: str) -> Engine:
    """Return the engine with this name.

    `duckdb` is DuckDB; `local[N]` and `spark://HOST:PORT` are Spark with that master; `spark` is Spark with the master of
    its own settings. This starts nothing.
    """
    if name == DUCKDB:
        from wiki_trends.analytics.engines.duckdb import DuckDBEngine

        return DuckDBEngine()
    from wiki_trends.analytics.engines.spark import SparkEngine

    return SparkEngine("" if name == SPARK else name)

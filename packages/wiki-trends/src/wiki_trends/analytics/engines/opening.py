"""Opens an engine by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.analytics.engines.base import DUCKDB, SPARK

if TYPE_CHECKING:
    from wiki_trends.analytics.engines.base import Engine


def open_engine(name: str) -> Engine:
    """The engine of a name: `duckdb`; or Spark: `local[N]`, `spark://HOST:PORT`, or `spark` for the master of its settings.

    Opening starts nothing.
    """
    if name == DUCKDB:
        from wiki_trends.analytics.engines.duckdb import DuckDBEngine

        return DuckDBEngine()
    from wiki_trends.analytics.engines.spark import SparkEngine

    return SparkEngine("" if name == SPARK else name)

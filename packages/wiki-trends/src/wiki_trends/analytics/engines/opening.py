"""Open an engine by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.analytics.engines.base import DUCKDB, SPARK

if TYPE_CHECKING:
    from wiki_trends.analytics.engines.base import Engine


def open_engine(name: str) -> Engine:
    """Return the engine with this name, without starting it.

    Args:
        name: `duckdb`; or `spark`, for Spark with the master in Spark's own settings; or a master of Spark, which is `local[N]` or
            `spark://HOST:PORT`.
    """
    if name == DUCKDB:
        from wiki_trends.analytics.engines.duckdb import DuckDBEngine

        return DuckDBEngine()
    from wiki_trends.analytics.engines.spark import SparkEngine

    return SparkEngine("" if name == SPARK else name)

"""Compute the tables of a window with Spark, for lakes that are too large for one machine.

The input tables, the intermediate tables and the published tables stay in the memory or on the disks of the workers until the
analysis ends. This process receives the errors of unreadable days and the number of rows of each table. During the publish, it
also receives the rows.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from smart_orchestrator.errors import ContractError, PartitionChanged
from wiki_trends.analytics.engines.base import Computed
from wiki_trends.analytics.engines.spark_rows import SPARK_TYPES, SparkTable, read_days
from wiki_trends.analytics.engines.spark_session import (
    root_cause,
    spark_name,
    spark_session,
    tolerate_stopped_java,
)
from wiki_trends.analytics.tables.compilation import SPARK_DIALECT, compile_tables
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
from wiki_trends.errors import EngineError, TableFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from smart_orchestrator.model.partition import Partition
    from wiki_trends.analytics.engines.base import Inputs
    from wiki_trends.analytics.page_history import PageHistory
    from wiki_trends.warehouse.base import ArrowStream

logger = logging.getLogger(__name__)


class SparkEngine:
    """An engine that computes the tables with Spark.

    Args:
        master: `spark://HOST:PORT`, `local[N]`, or an empty string for the master in Spark's own settings.
    """

    def __init__(self, master: str) -> None:
        self._master = master

    @contextmanager
    def compute(self, inputs: Inputs) -> Iterator[Computed]:
        """Compute the tables; see `Engine.compute`."""
        self._refuse_memory_lake(inputs.dataset.lake)
        with spark_session(self._master, inputs.rows) as session:
            session_tables = _SessionTables(session)
            try:
                with self._engine_errors():
                    baseline = session_tables.read(inputs)
                    tables = session_tables.compute()
                    yield Computed(tables, baseline)
            finally:
                session_tables.release()

    def _refuse_memory_lake(self, lake: str) -> None:
        if lake.startswith("memory://"):
            raise EngineError(
                engine="Spark",
                problem=f"its workers cannot read {lake}, which is in the memory of this process",
                fix="Use a folder or s3://, or --engine duckdb.",
            )

    @contextmanager
    def _engine_errors(self) -> Iterator[None]:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        # PySpark would also log each exception that it raises, with the tracebacks of Python and Java.
        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
        try:
            yield
        except (PySparkException, Py4JError, TableFailed) as error:
            reason = error.reason if isinstance(error, TableFailed) else error
            raise EngineError(
                engine=spark_name(self._master),
                problem=f"it failed ({root_cause(reason)})",
                fix="The tables published before are unchanged. Read Spark's log, and try again.",
            ) from error


class _SessionTables:
    """The tables of one analysis, as temporary views of a session. The workers cache the tables until `release`."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        self._frames: list[DataFrame] = []

    def read(self, inputs: Inputs) -> Sequence[Partition]:
        """Create the tables of `INPUTS`; return the partitions of the baseline that could be read.

        Raises:
            PartitionChanged: a partition of the window has changed since it was inspected.
            ContractError: the rows of a partition of the window violate the contract.
            LakeError: the lake did not respond, or rejected a request.
        """
        days = read_days(self._session, inputs.dataset, [*inputs.baseline, *inputs.used], inputs.rules)
        self._frames.append(days.cached)
        baseline = []
        for partition in inputs.baseline:
            problem = days.problems.get(partition.day)
            if problem is None:
                baseline.append(partition)
            elif not isinstance(problem, (ContractError, PartitionChanged)):
                raise problem
        for partition in inputs.used:
            if partition.day in days.problems:
                raise days.problems[partition.day]
        start = inputs.window.start
        self._create_small_view(DAYS, [(partition.day,) for partition in inputs.used])
        self._create_small_view(EARLIER_DAYS, [(partition.day,) for partition in baseline])
        self._create_small_view(RUN, [(inputs.dataset.name, start, inputs.window.last, inputs.project)])
        self._create_history_view(inputs.history)
        days.rows.where(days.rows.date >= start).createOrReplaceTempView(ROWS)
        days.rows.where(days.rows.date < start).createOrReplaceTempView(EARLIER)
        return baseline

    def compute(self) -> Mapping[str, ArrowStream]:
        """Compute all declared tables; return the published tables by name."""
        tables: dict[str, ArrowStream] = {}
        statements = compile_tables(SPARK_DIALECT)
        for number, (name, sql) in enumerate(statements.items(), start=1):
            logger.info("computing the tables, step %d of %d", number, len(statements))
            frame = self._session.sql(sql).persist()
            self._frames.append(frame)
            frame.createOrReplaceTempView(name)
            # Compute the table now, because Spark plans the later tables better when it knows the size of this one. A
            # computation during the publish would also keep other publishers waiting.
            frame.count()
            if is_published(name):
                tables[name] = SparkTable(frame)
        return tables

    def release(self) -> None:
        """Remove the cached tables from the workers."""
        with tolerate_stopped_java():
            for frame in reversed(self._frames):
                frame.unpersist()

    def _create_history_view(self, history: PageHistory) -> None:
        import polars as pl

        rows = [] if history.rows is None else pl.DataFrame(history.rows).select(*INPUTS[PAGE_HISTORY]).rows()
        self._create_small_view(PAGE_HISTORY, rows)

    def _create_small_view(self, name: str, rows: list[tuple[object, ...]]) -> None:
        schema = ", ".join(f"`{column}` {SPARK_TYPES[kind]}" for column, kind in INPUTS[name].items())
        self._session.createDataFrame(rows, schema).createOrReplaceTempView(name)

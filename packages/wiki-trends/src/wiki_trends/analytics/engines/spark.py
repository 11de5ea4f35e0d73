"""Compute the declared tables with Spark, for lakes too large for one machine.

Inputs, steps and tables stay on the workers, in memory or on their disks, until the analysis ends. This process receives
the errors of days that could not be read, the row count of each table, and the rows while they are published.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from smart_orchestrator.errors import ContractError, PartitionChanged
from wiki_trends.analytics.engines.base import SPARK, Computed
from wiki_trends.analytics.engines.spark_rows import SPARK_TYPES, SparkTable, read_days
from wiki_trends.analytics.engines.spark_session import cause, java_may_be_gone, spark_name, spark_session
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

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from smart_orchestrator.model.partition import Partition
    from wiki_trends.analytics.engines.base import Inputs
    from wiki_trends.warehouse.base import ArrowStream

logger = logging.getLogger(__name__)


class SparkEngine:
    """Spark with a master: `spark://HOST:PORT`, `local[N]`, or empty for the master of Spark's own settings."""

    def __init__(self, master: str) -> None:
        self._master = master

    @contextmanager
    def computed(self, inputs: Inputs) -> Iterator[Computed]:
        """See `Engine.computed`."""
        self._refuse_memory(inputs.dataset.lake)
        with spark_session(self._master, inputs.rows) as session:
            session_tables = _SessionTables(session)
            try:
                with self._explained():
                    baseline = session_tables.read(inputs)
                    tables = session_tables.compute()
                    yield Computed(tables, baseline)
            finally:
                session_tables.forget()

    def _refuse_memory(self, lake: str) -> None:
        if lake.startswith("memory://"):
            raise EngineError(
                engine="Spark",
                problem=f"its workers cannot read {lake}, which is in the memory of this process",
                fix="Use a folder or s3://, or --engine duckdb.",
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        # PySpark also logs each failure that it raises, with the tracebacks of both languages.
        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
        try:
            yield
        except (PySparkException, Py4JError, TableFailed) as error:
            reason = error.reason if isinstance(error, TableFailed) else error
            raise EngineError(
                engine=spark_name(self._master),
                problem=f"it failed ({cause(reason)})",
                fix="What was published before still is. Read Spark's log, and try again.",
            ) from error


class _SessionTables:
    """The tables of one analysis, each under its name in a session, cached on the workers until `forget`."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        self._frames: list[DataFrame] = []

    def read(self, inputs: Inputs) -> Sequence[Partition]:
        """Create the tables of `INPUTS`; return the partitions of the baseline that could be read.

        Raises:
            PartitionChanged, ContractError, LakeError: a day of the window could not be read, or the lake did not answer.
        """
        days = read_days(self._session, inputs.dataset, [*inputs.baseline, *inputs.used])
        self._frames.append(days.read)
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
        self._small(DAYS, [(partition.day,) for partition in inputs.used])
        self._small(EARLIER_DAYS, [(partition.day,) for partition in baseline])
        self._small(RUN, [(inputs.dataset.name, start, inputs.window.last)])
        days.rows.where(days.rows.date >= start).createOrReplaceTempView(ROWS)
        days.rows.where(days.rows.date < start).createOrReplaceTempView(EARLIER)
        return baseline

    def compute(self) -> Mapping[str, ArrowStream]:
        """Every declared table, by its published name."""
        tables: dict[str, ArrowStream] = {}
        for name, sql in compiled(SPARK).items():
            logger.info("computing %s", name)
            frame = self._session.sql(sql).persist()
            self._frames.append(frame)
            frame.createOrReplaceTempView(name)
            # Compute one after the other, so that each is planned with the sizes of those before it; and all before the
            # publish begins, because a publish keeps other publishers waiting.
            frame.count()
            if is_published(name):
                tables[name] = SparkTable(frame)
        return tables

    def forget(self) -> None:
        """Remove the cached tables from the workers."""
        with java_may_be_gone():
            for frame in reversed(self._frames):
                frame.unpersist()

    def _small(self, name: str, rows: list[tuple[object, ...]]) -> None:
        schema = ", ".join(f"`{column}` {SPARK_TYPES[kind]}" for column, kind in INPUTS[name].items())
        self._session.createDataFrame(rows, schema).createOrReplaceTempView(name)

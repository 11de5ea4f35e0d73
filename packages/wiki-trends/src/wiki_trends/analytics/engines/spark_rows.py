"""Read partitions on Spark's workers, and read computed tables from Spark as Arrow streams.

The workers read the lake with the reader of the DuckDB engine, which reads exactly the inspected parts and verifies their
checksums. So Spark does not need a connector to S3. The workers need this package and access to the lake. A lake in a folder
must have the same path on each worker. Each task contains the S3 credentials of this process (`AWS_…`), for workers without
their own.

A published table passes through this process in batches, and is never in its memory as a whole.
"""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smart_orchestrator.errors import SmartOrchestratorError
from wiki_trends.analytics.tables.declarations import ROW_TYPES
from wiki_trends.analytics.window_rows import NO_RULES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition
    from wiki_trends.analytics.page_rules import PageRules

SPARK_TYPES = {"date": "date", "string": "string", "int64": "bigint", "int32": "int", "float64": "double"}
# The column for the pickled error of a day that could not be read.
PROBLEM = "problem"
_TASKS_PER_CORE = 4


@dataclass(frozen=True, slots=True)
class Days:
    """The rows of the readable days, and the errors of the unreadable days.

    Attributes:
        cached: the frame that the workers cache. The caller unpersists it when the analysis ends.
        rows: a row for each page and day, with the columns of `ROW_TYPES`. When a worker is lost, another worker reads its
            days again; a query of the rows fails when one of these days has become unreadable.
        problems: the error of each day that could not be read.
    """

    cached: DataFrame
    rows: DataFrame
    problems: Mapping[dt.date, Exception]


def read_days(
    session: SparkSession, dataset: DailyDataset, partitions: Sequence[Partition], rules: PageRules = NO_RULES
) -> Days:
    """Read these partitions on the workers, apply the rules, and cache the rows there."""
    from pyspark.sql import functions as f

    tasks = min(len(partitions), _TASKS_PER_CORE * session.sparkContext.defaultParallelism)
    indexes = session.range(0, len(partitions), numPartitions=tasks)
    columns = ", ".join(f"`{name}` {SPARK_TYPES[kind]}" for name, kind in ROW_TYPES.items())
    read_partitions = _partition_reader(
        _with_absolute_path(dataset), tuple(partitions), rules, _aws_environment()
    )
    cached = map_in_arrow(indexes, read_partitions, f"{columns}, {PROBLEM} binary").persist()
    failed = cached.where(f.col(PROBLEM).isNotNull()).select("date", PROBLEM).collect()
    # Unpickling is safe, because workers that run this module pickled the errors.
    problems = {row["date"]: pickle.loads(row[PROBLEM]) for row in failed}  # noqa: S301
    has_known_problem = f.col("date").isin(list(problems))
    new_problem = f.raise_error(f.lit("a day that was read before cannot be read again"))
    # A worker that reads a day again can get an error that the first reading did not have. Without `new_problem`, the rows of this day
    # would be missing without an error.
    is_readable = (
        f.when(f.col(PROBLEM).isNull(), f.lit(col=True))
        .when(has_known_problem, f.lit(col=False))
        .otherwise(new_problem)
    )
    return Days(cached, cached.where(is_readable.cast("boolean")).drop(PROBLEM), problems)


def _with_absolute_path(dataset: DailyDataset) -> DailyDataset:
    """Return the dataset with an absolute path, because the workers have another working directory."""
    if "://" in dataset.lake:
        return dataset
    return replace(dataset, lake=str(Path(dataset.lake).resolve()))


def _aws_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def _partition_reader(
    dataset: DailyDataset, partitions: Sequence[Partition], rules: PageRules, environment: Mapping[str, str]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a function for the workers that reads the partitions with the indexes in its input.

    The function yields the rows of a partition, or one row with the error of an unreadable partition.
    """

    def read_rows_or_errors(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from wiki_trends.analytics.window_rows import read_day

        for name, value in environment.items():
            os.environ.setdefault(name, value)
        for batch in batches:
            for index in batch.column(0).to_pylist():
                partition = partitions[index]
                try:
                    rows = read_day(dataset, partition, rules)
                except SmartOrchestratorError as error:
                    yield _single_row({"date": partition.day, PROBLEM: pickle.dumps(error)})
                else:
                    yield from rows.to_arrow().cast(_schema(ROW_TYPES)).to_batches()

    def read_with_all_columns(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        schema = _schema(ROW_TYPES).append(pa.field(PROBLEM, pa.binary()))
        for batch in read_rows_or_errors(batches):
            columns = [
                batch.column(name) if name in batch.schema.names else pa.nulls(batch.num_rows, kind)
                for name, kind in zip(schema.names, schema.types, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return read_with_all_columns


def _schema(types: Mapping[str, str]) -> pa.Schema:
    import pyarrow as pa

    arrow_types = {
        "date": pa.date32(),
        "string": pa.string(),
        "int64": pa.int64(),
        "int32": pa.int32(),
        "float64": pa.float64(),
    }
    return pa.schema([(name, arrow_types[kind]) for name, kind in types.items()])


def _single_row(values: Mapping[str, object]) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_pylist([dict(values)])


class SparkTable:
    """A table of Spark as an Arrow stream, which fetches one Spark partition at a time into the memory of this process."""

    def __init__(self, frame: DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a PyCapsule that contains a new stream of all rows."""
        import pyarrow as pa
        from pyspark.sql.pandas.types import to_arrow_schema

        schema = to_arrow_schema(self._frame.schema)
        reader = pa.RecordBatchReader.from_batches(schema, self._batches(schema))
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        # Use the RDD instead of the frame, because Spark's scheduler never releases the jobs and data of a frame's iterator.
        rows = map_in_arrow(self._frame, _as_ipc_rows, "batches binary").rdd
        for row in rows.toLocalIterator(prefetchPartitions=True):
            for batch in pa.ipc.open_stream(row["batches"]):
                yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _as_ipc_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Serialize each batch into one row, because Spark can fetch single partitions only as rows."""
    import pyarrow as pa

    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        yield pa.RecordBatch.from_pydict({"batches": pa.array([sink.getvalue().to_pybytes()], pa.binary())})


def map_in_arrow(frame: DataFrame, function: Callable[..., Any], schema: str) -> DataFrame:
    """Call `DataFrame.mapInArrow`, and suppress its warning about the version of pandas, which this package does not use."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return frame.mapInArrow(function, schema)

"""Make the table `wiki_pipeline_runs` from the manifests of the days that were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from smart_orchestrator.model.partition import Partition

NAME = "wiki_pipeline_runs"


def pipeline_runs(partitions: Iterable[Partition]) -> pl.DataFrame:
    """Make a row for each day and step of the pipeline, with the values that the run of the day measured.

    The steps of a day are in their order.

    Columns: date (DATE, UTC); step (the name of the step); place (1 is the first step); run_id (the run that committed the
    day); written_at (TIMESTAMP, the time of the commit, UTC); rows_in, rows_out, requests, retries, cache_hits (BIGINT);
    seconds (DOUBLE). A day has no rows when another program wrote it, or a version of wiki-trends that did not measure steps.
    """
    import polars as pl

    counts = ("rows_in", "rows_out", "requests", "retries", "cache_hits")
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "date": pl.Date,
        "step": pl.String,
        "place": pl.Int32,
        "run_id": pl.String,
        "written_at": pl.Datetime("us"),
        **dict.fromkeys(counts, pl.Int64),
        "seconds": pl.Float64,
    }
    rows = [
        {
            "date": partition.day,
            "step": step["step"],
            "place": place,
            "run_id": partition.manifest.run_id,
            "written_at": partition.manifest.written_at.replace(tzinfo=None),
            "seconds": step.get("seconds"),
            **{name: step.get(name) for name in counts},
        }
        for partition in partitions
        if partition.manifest is not None
        for place, step in enumerate(partition.manifest.measured.get("steps", ()), 1)
    ]
    return pl.DataFrame(rows, schema=schema)

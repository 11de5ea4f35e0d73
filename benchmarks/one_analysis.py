"""Check and analyse one window in this process, and print the figures as JSON.

Usage: `python -m benchmarks.one_analysis LAKE DAYS ENGINE FILE`.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import duckdb
import polars as pl

from benchmarks.wide_lake import diamond_in, window_of
from smart_orchestrator.checking import check
from wiki_trends.analytics.analyze import analyze
from wiki_trends.analytics.engines.opening import open_engine
from wiki_trends.warehouse import open_warehouse


def main() -> None:
    lake, days, engine, file = sys.argv[1:]
    # The libraries are imported at the top, so that their import is not measured. These lines prevent "unused import" errors.
    assert duckdb.__version__
    assert pl.__version__
    dataset = diamond_in(lake)
    started_at = time.perf_counter()
    completeness = check(dataset, window_of(int(days)))
    analysis = analyze(dataset, completeness, open_warehouse(f"duckdb:///{file}"), engine=open_engine(engine))
    figures = {
        "seconds": time.perf_counter() - started_at,
        "publish_seconds": analysis.seconds - analysis.run.seconds,
        "rows": analysis.rows["wiki_diamond"],
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

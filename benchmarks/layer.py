"""Count the requests of a check of ten years with each adapter, and measure the processor time of local checks.

The adapter itself counts its requests. For the tables of Iceberg and Delta on S3, a proxy in front of the S3 server counts them.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from benchmarks.lake import on_s3
from benchmarks.timing import BenchmarkFailed
from smart_orchestrator.adapters.manifest import InspectOptions
from smart_orchestrator.checking import check
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.model.window import Window
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.store.opening import open_lake
from testing.pg_server import postgres_server
from testing.s3_proxy import s3_proxy
from testing.s3_server import BUCKET

if TYPE_CHECKING:
    import pyarrow as pa

LAST = dt.date(2025, 11, 9)
DAYS = 3652
# The number of days in the tables of Iceberg and Delta: such tables have several manifests, and are written within seconds.
TABLE_DAYS = 400
WINDOW = Window.between(LAST - dt.timedelta(days=DAYS - 1), LAST, LAST + dt.timedelta(days=1), 1)
KEYS = list(WINDOW)
TABLE_KEYS = KEYS[-TABLE_DAYS:]
MAX_LISTINGS = -(-DAYS // 1000) + 1
MAX_LOCAL_S = 2.0


def layer(folder: Path) -> dict[str, Any]:
    """Run all measurements. The lakes need about 50 MB in `folder`."""
    folder.mkdir(parents=True)
    costs: dict[str, Any] = {}
    with on_s3(folder / "s3"):
        costs["s3"] = _files(f"s3://{BUCKET}/ten-years", folder / "s3-state")
        for adapter, write in (("iceberg", _write_iceberg), ("delta", _write_delta)):
            (folder / adapter).mkdir()
            costs[adapter] = _read_through_a_proxy(write(folder / adapter), folder / adapter / "state")
    costs["local"] = _files(str(folder / "lake"), folder / "local-state")
    with postgres_server() as server:
        costs["sql"] = _checked(_write_postgres(server.new_database()), WINDOW, folder / "sql-state")
    return costs


def layer_lines(costs: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return a name, a value and a remark for each line of the output."""
    s3, local = costs["s3"], costs["local"]
    lines = [
        ("files on S3, listings", f"{s3['first']['list']}", _verdict(s3["first"]["list"], MAX_LISTINGS)),
        ("  range reads of the first check", f"{s3['first']['get']}", _verdict(s3["first"]["get"], DAYS)),
        ("  range reads of the second check", f"{s3['second']['get']}", _verdict(s3["second"]["get"], 0)),
        (
            "files on a local disk, processor",
            f"{local['first_cpu_s']:.2f} s",
            _verdict(local["first_cpu_s"], MAX_LOCAL_S, " s"),
        ),
        ("  second check", f"{local['second_cpu_s']:.2f} s", ""),
    ]
    for adapter in ("iceberg", "delta"):
        opened = costs[adapter]["data_files"]
        note = f"{_verdict(opened, 0)}; {costs[adapter]['requests']} requests for {TABLE_DAYS} days"
        lines.append((f"{adapter} on S3, data files opened", f"{opened}", note))
    queries = costs["sql"]["query"]
    return [
        *lines,
        ("sql on PostgreSQL, queries", f"{queries}", _verdict(queries, 1)),
    ]


def _files(url: str, state: Path) -> dict[str, Any]:
    """Write one file for each day of ten years, check the days twice, and return the requests and the processor time of each check."""
    import polars as pl

    dataset = Dataset(
        "orders",
        url,
        "orders/dt={start:%Y-%m-%d}",
        format="parquet",
        adapter="files",
        settle=0.0,
        timeout=30.0,
    )
    buffer = io.BytesIO()
    pl.DataFrame({"id": [1, 2, 3]}).write_parquet(buffer)
    lake = open_lake(url)
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda key: lake.put(f"{dataset.key(key)}/a.parquet", buffer.getvalue()), KEYS))
    costs: dict[str, Any] = {}
    for name in ("first", "second"):
        cpu_before = time.process_time()
        costs[name] = _checked(dataset, WINDOW, state)
        costs[f"{name}_cpu_s"] = round(time.process_time() - cpu_before, 3)
    return costs


def _checked(dataset: Dataset, window: Window, state: Path) -> dict[str, int]:
    """Check a window that must be ready, and return the number of requests by kind."""
    completeness = check(dataset, window, options=InspectOptions(memory=Ledger(state)), strays=False)
    if not completeness.ready:
        raise BenchmarkFailed(f"{len(completeness.missing)} days are missing: the measured work is wrong")
    return dict(completeness.requests)


def _write_iceberg(folder: Path) -> Dataset:
    """Write a partitioned table of Iceberg on S3, with an SQLite catalog in `folder`."""
    import pyarrow.parquet as pq
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.transforms import IdentityTransform
    from pyiceberg.types import DateType, LongType, NestedField

    url = f"sqlite:///{folder}/catalog.db"
    properties = {
        "s3.endpoint": os.environ["AWS_ENDPOINT_URL"],
        "s3.access-key-id": os.environ["AWS_ACCESS_KEY_ID"],
        "s3.secret-access-key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "s3.region": os.environ["AWS_REGION"],
    }
    with SqlCatalog("default", uri=url, warehouse=f"s3://{BUCKET}/iceberg", **properties) as catalog:
        catalog.create_namespace("sales")
        schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "dt", DateType()))
        spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "dt"))
        table = catalog.create_table("sales.orders", schema, partition_spec=spec)
        paths = [f"{table.location()}/data/{key}.parquet" for key in TABLE_KEYS]
        for key, path in zip(TABLE_KEYS, paths, strict=True):
            with table.io.new_output(path).create() as file:
                pq.write_table(_rows([key]), file)
        table.add_files(paths, check_duplicate_files=False)
    return Dataset("orders", url, adapter="iceberg", table="sales.orders")


def _write_delta(folder: Path) -> Dataset:
    """Write a partitioned table of Delta Lake on S3."""
    import deltalake

    del folder
    url = f"s3://{BUCKET}/delta"
    options = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    deltalake.write_deltalake(
        url, _rows(TABLE_KEYS), partition_by=["dt"], storage_options=options | {"allow_http": "true"}
    )
    return Dataset("orders", url, adapter="delta")


def _write_postgres(url: str) -> Dataset:
    """Write a table with a row for each day of ten years."""
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE orders (id bigint, dt date)")
        connection.execute(
            "INSERT INTO orders SELECT i, %s::date - i FROM generate_series(0, %s) i", [LAST, DAYS]
        )
    return Dataset("orders", url, adapter="sql", table="orders", key_column="dt")


def _rows(keys: list[dt.date]) -> pa.Table:
    import pyarrow as pa

    return pa.table({"id": pa.array(range(len(keys)), pa.int64()), "dt": pa.array(keys, pa.date32())})


def _read_through_a_proxy(dataset: Dataset, state: Path) -> dict[str, int]:
    """Check a table through a proxy, and return the number of requests, and of those among them for data files."""
    window = Window.between(TABLE_KEYS[0], TABLE_KEYS[-1], WINDOW.as_of, 1)
    with s3_proxy(os.environ["AWS_ENDPOINT_URL"]) as proxy:
        with patch.dict(os.environ, {"AWS_ENDPOINT_URL": proxy.endpoint}):
            _checked(dataset, window, state)
        paths = [path for _, path in proxy.requests]
    return {"data_files": sum(_is_data(path) for path in paths), "requests": len(paths)}


def _is_data(path: str) -> bool:
    return path.endswith(".parquet") and "_delta_log" not in path


def _verdict(value: float, limit: float, unit: str = "") -> str:
    return f"{'within' if value <= limit else 'OVER'} the limit of {limit:g}{unit}"


def main() -> None:
    """Print the figures of this module alone."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        for title, value, note in layer_lines(layer(Path(name, "layer"))):
            print(f"  {title:<34}{value:>9}  {note}".rstrip())


if __name__ == "__main__":
    main()

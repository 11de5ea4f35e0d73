"""Large windows and partitions, and a store that fails 30 % of the requests of a large check."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from smart_orchestrator import Window, check
from smart_orchestrator.adapters.base import adapter_of
from smart_orchestrator.adapters.manifest import InspectOptions
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.partition import Code
from testing.partition_writers import MarkerWriter, PathWriter, parquet_of
from testing.s3_proxy import Faults, s3_proxy

DAY = dt.date(2025, 11, 5)
HOURS = 8760
LAST_HOUR = dt.datetime(2025, 11, 5, 23, tzinfo=dt.UTC)


class HourWriter(PathWriter):
    """A folder for each hour, in a folder for each day."""

    def dataset(self, **options):
        from smart_orchestrator.model.dataset import Dataset

        options = {"format": "parquet", "settle": 0, "grain": Grain.HOUR, "timeout": 60.0} | options
        return Dataset("logs", self.url, "logs/{start:%Y-%m-%d}/{start:%H}", adapter="files", **options)


def url_of(store, tmp_path, request):
    return str(tmp_path / "lake") if store == "folder" else request.getfixturevalue("s3").url


def write_all(writer, paths, data=None):
    """Put the same file under many keys; a local folder without syncing each file."""
    data = parquet_of(1) if data is None else data
    if "://" in writer.url:
        lake = writer.lake
        with ThreadPoolExecutor(32) as pool:
            list(pool.map(lambda path: lake.put(path, data), paths))
        return
    for path in paths:
        file = Path(writer.url, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("store", ["folder", "s3"])
def test_a_window_of_all_hours_of_a_year(store, tmp_path, request):
    writer = HourWriter(url_of(store, tmp_path, request))
    window = Window.of_last(HOURS, LAST_HOUR + dt.timedelta(hours=1), 1, Grain.HOUR)
    keys = list(window)
    assert len(keys) == HOURS
    gaps = [keys[0], keys[4000], keys[-1]]
    write_all(writer, [f"{writer.folder(key)}/a.parquet" for key in keys if key not in gaps])
    completeness = check(writer.dataset(), window, strays=False)
    assert list(completeness.missing) == gaps
    assert {completeness[key].rows for key in keys if key not in gaps} == {1}
    assert completeness.requests["get"] == HOURS - len(gaps)
    if store == "s3":
        assert completeness.requests["list"] <= -(-HOURS // 1000) + 2


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("store", ["folder", "s3"])
@pytest.mark.parametrize("kind", [PathWriter, MarkerWriter])
def test_a_partition_of_ten_thousand_files(kind, store, tmp_path, request):
    writer = kind(url_of(store, tmp_path, request))
    write_all(writer, [f"{writer.folder(DAY)}/part-{number:05}.parquet" for number in range(10_000)])
    dataset = writer.dataset(timeout=60.0)
    if kind is MarkerWriter:
        assert adapter_of(dataset).inspect([DAY], InspectOptions())[DAY].code is Code.STILL_WRITING
        writer.lake.put(f"{writer.folder(DAY)}/_SUCCESS", b"")
    partition = adapter_of(dataset).inspect([DAY], InspectOptions())[DAY]
    assert (partition.code, partition.rows, len(partition.parts)) == (Code.OK, 10_000, 10_000)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", [PathWriter, MarkerWriter])
def test_a_store_that_fails_a_third_of_the_requests_of_a_thousand_partitions(kind, s3, monkeypatch):
    writer = kind(s3.url)
    keys = [DAY - dt.timedelta(days=number) for number in range(1000)][::-1]
    gaps = [keys[3], keys[700]]
    paths = [f"{writer.folder(key)}/part-00000.parquet" for key in keys if key not in gaps]
    write_all(writer, paths)
    if kind is MarkerWriter:
        write_all(writer, [path.replace("part-00000.parquet", "_SUCCESS") for path in paths], b"")
    with s3_proxy(s3.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        # An answer without its length (`short`) ends a check with an error, which the suite of the adapters tests.
        proxy.faults = Faults(0.3, ("500", "503", "reset", "lost", "cut"))
        verdicts = adapter_of(writer.dataset(retries=20, timeout=60.0)).inspect(keys, InspectOptions())
        assert len(proxy.faults.done) > 200
    assert [key for key, partition in verdicts.items() if not partition.available] == gaps

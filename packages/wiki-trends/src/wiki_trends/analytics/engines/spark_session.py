"""A session of Spark: the active one of this process, or one that is started for the analysis and stopped after it.

Before the start this module checks that PySpark and Java are installed and that the master answers, and raises an
`EngineError` with the fix instead of a traceback after a minute. Memory, cores and everything else about the cluster are
Spark's own settings (`spark-defaults.conf` in `SPARK_CONF_DIR`, `PYSPARK_SUBMIT_ARGS`).
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import sys
import warnings
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from wiki_trends.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

ANSWERS_WITHIN = 5.0
# The declarations rely on these settings, whatever the cluster's defaults are.
_SETTINGS = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true"}

# With Spark's default a small window on two cores spends most of its time on empty tasks. In a large window a partition has
# to be small enough to be sorted in memory, and to pass through this process while it is published.
_PARTITIONS, _PARTITIONS_OF_SPARK = "spark.sql.shuffle.partitions", "200"
_TASKS_A_CORE, _ROWS_A_PARTITION = 4, 250_000


@contextmanager
def spark_session(master: str, rows: int) -> Iterator[SparkSession]:
    """A session with its own temporary views and settings; a Spark that already runs in this process is used as it is.

    Args:
        master: `spark://HOST:PORT`, `local[N]`, or empty for the master of Spark's own settings.
        rows: number of rows to read, which sets the number of partitions of a table unless Spark's settings do.

    Raises:
        EngineError: Spark cannot be started.
    """
    _refuse_missing(master)
    from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    session = (running or _started(master)).newSession()
    try:
        for name, value in _SETTINGS.items():
            session.conf.set(name, value)
        if session.conf.get(_PARTITIONS) == _PARTITIONS_OF_SPARK:
            tasks = min(int(_PARTITIONS_OF_SPARK), _TASKS_A_CORE * session.sparkContext.defaultParallelism)
            session.conf.set(_PARTITIONS, str(max(tasks, rows // _ROWS_A_PARTITION)))
        with _silent_py4j():
            yield session
    finally:
        if running is None:
            with java_may_be_gone():
                session.stop()


@contextmanager
def java_may_be_gone() -> Iterator[None]:
    """Within this context, ignore that Java has ended: whatever is released here ended with it, and its cause is raised elsewhere."""
    from py4j.protocol import Py4JNetworkError

    with suppress(Py4JNetworkError, ConnectionError):
        yield


@contextmanager
def _silent_py4j() -> Iterator[None]:
    """Drop Py4J's records of the root logger: it logs, with tracebacks, errors that it also raises."""
    root = logging.getLogger()
    root.addFilter(_not_of_py4j)
    try:
        yield
    finally:
        root.removeFilter(_not_of_py4j)


def _not_of_py4j(record: logging.LogRecord) -> bool:
    return Path(record.pathname).parent.name != "py4j"


def _started(master: str) -> SparkSession:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    # The workers need the packages of this environment: by default they use the Python of the same path.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("wiki-trends").config("spark.log.level", "ERROR")
    if not sys.stderr.isatty():
        builder = builder.config("spark.ui.showConsoleProgress", "false")
    try:
        with warnings.catch_warnings():
            # About the pandas version; pandas is not used here.
            warnings.simplefilter("ignore", FutureWarning)
            return (builder.master(master) if master else builder).getOrCreate()
    except (PySparkException, RuntimeError, OSError) as error:
        raise _failed(master, f"it could not be started ({cause(error)})") from error


def cause(error: object) -> str:
    """The cause of an error of Spark as one line, without the tracebacks of two languages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return _without_login((causes[-1:] or lines or [type(error).__name__])[0].rstrip("."))


def _refuse_missing(master: str) -> None:
    if any(find_spec(name) is None for name in ("pyspark", "pyarrow", "pandas")):
        raise EngineError(
            engine=spark_name(master),
            problem="Spark is not installed",
            fix="Install it, here and on the workers: pip install 'wiki-trends[spark]'; or use --engine duckdb.",
        )
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else shutil.which("java")
    if java is None or not Path(java).exists():
        where = f"in JAVA_HOME ({home})" if home else "on the path, and JAVA_HOME is not set"
        raise EngineError(
            engine=spark_name(master),
            problem=f"there is no Java {where}",
            fix="Install Java 17 or newer, or set JAVA_HOME to one; or use --engine duckdb.",
        )
    if master.startswith("spark://"):
        _refuse_silent(master)


def _refuse_silent(master: str) -> None:
    """Refuse a master that does not answer: Spark itself would try for a minute and then fail elsewhere."""
    problem = "it has no host and port"
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            with closing(socket.create_connection((host.strip("[]"), int(port)), ANSWERS_WITHIN)):
                return
        except OSError as error:
            problem = f"the master does not answer ({cause(error)})"
        except (ValueError, OverflowError):
            # The error's text would show a part of the address, which can be of a password.
            problem = "the master does not answer (its address has no host and port)"
    raise _failed(master, problem)


def _failed(master: str, problem: str) -> EngineError:
    fix = "Check the master in --engine or WIKI_TRENDS_ENGINE, that it runs, and what Java says above; then try again."
    return EngineError(engine=spark_name(master), problem=problem, fix=fix)


def spark_name(master: str) -> str:
    """Spark with its master, for messages: without the login that a URL can hold."""
    return f"Spark ({_without_login(master)})" if master else "Spark"


def _without_login(text: str) -> str:
    return re.sub(r"(?<=://)[^\s/]*@", "…@", text)

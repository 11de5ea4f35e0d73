"""Provide a Spark session: in the Spark that this process already uses, or in a Spark that runs only during the analysis.

Before this module starts Spark, it checks that PySpark and Java are installed and that the master responds. So the user gets
an `EngineError` with a fix, and not a traceback after a minute. Spark's own settings define the memory, the cores and all
other properties of the cluster (`spark-defaults.conf` in `SPARK_CONF_DIR`, `PYSPARK_SUBMIT_ARGS`).
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

CONNECT_TIMEOUT_SECONDS = 5.0
# The tables are correct only with these settings. The defaults of a cluster may be different.
_SETTINGS = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true"}

# With Spark's default number of shuffle partitions, a small window spends most of its time on empty tasks. A shuffle partition
# of a large window must fit into memory: on a worker, which sorts the partition, and in this process, which publishes it.
_PARTITIONS_SETTING, _DEFAULT_PARTITIONS = "spark.sql.shuffle.partitions", "200"
_TASKS_PER_CORE, _ROWS_PER_PARTITION = 4, 250_000


@contextmanager
def spark_session(master: str, rows: int) -> Iterator[SparkSession]:
    """Open a session with its own temporary views and settings. If this process has an active session, both share its Spark context.

    Args:
        master: `spark://HOST:PORT`, `local[N]`, or an empty string for the master in Spark's own settings.
        rows: the number of rows to read, which determines the number of shuffle partitions unless Spark's settings do.

    Raises:
        EngineError: Spark cannot be started.
    """
    _refuse_missing_software(master)
    from pyspark.sql import SparkSession

    running_session = SparkSession.getActiveSession()
    session = (running_session or _start_session(master)).newSession()
    try:
        for name, value in _SETTINGS.items():
            session.conf.set(name, value)
        if session.conf.get(_PARTITIONS_SETTING) == _DEFAULT_PARTITIONS:
            tasks = min(int(_DEFAULT_PARTITIONS), _TASKS_PER_CORE * session.sparkContext.defaultParallelism)
            session.conf.set(_PARTITIONS_SETTING, str(max(tasks, rows // _ROWS_PER_PARTITION)))
        with _silent_py4j():
            yield session
    finally:
        if running_session is None:
            with tolerate_stopped_java():
                session.stop()


@contextmanager
def tolerate_stopped_java() -> Iterator[None]:
    """Ignore the errors of a Java process that has ended, because its end has released all resources."""
    from py4j.protocol import Py4JNetworkError

    with suppress(Py4JNetworkError, ConnectionError):
        yield


@contextmanager
def _silent_py4j() -> Iterator[None]:
    """Hide the log records of Py4J in the root logger, where Py4J logs the tracebacks of errors that it also raises."""
    root = logging.getLogger()
    root.addFilter(_is_not_from_py4j)
    try:
        yield
    finally:
        root.removeFilter(_is_not_from_py4j)


def _is_not_from_py4j(record: logging.LogRecord) -> bool:
    return Path(record.pathname).parent.name != "py4j"


def _start_session(master: str) -> SparkSession:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    # The workers need the packages of this environment, so by default they use the Python with the same path.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("wiki-trends").config("spark.log.level", "ERROR")
    if not sys.stderr.isatty():
        builder = builder.config("spark.ui.showConsoleProgress", "false")
    try:
        with warnings.catch_warnings():
            # PySpark warns about the version of pandas, but this package does not use pandas.
            warnings.simplefilter("ignore", FutureWarning)
            return (builder.master(master) if master else builder).getOrCreate()
    except (PySparkException, RuntimeError, OSError) as error:
        raise _start_error(master, f"it could not be started ({root_cause(error)})") from error


def root_cause(error: object) -> str:
    """Return the cause of an error of Spark as one line, without the tracebacks of Python and Java."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    # Java lists the causes from the outermost to the root cause.
    root, *_ = causes[-1:] or lines or [type(error).__name__]
    return _hide_login(root.rstrip("."))


def _refuse_missing_software(master: str) -> None:
    if any(find_spec(name) is None for name in ("pyspark", "pyarrow", "pandas", "ibis")):
        raise EngineError(
            engine=spark_name(master),
            problem="Spark is not installed",
            fix="Install it, here and on the workers: pip install 'wiki-trends[spark]'; or use --engine duckdb.",
        )
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else shutil.which("java")
    if java is None or not Path(java).exists():
        place = f"in JAVA_HOME ({home})" if home else "on the path, and JAVA_HOME is not set"
        raise EngineError(
            engine=spark_name(master),
            problem=f"there is no Java {place}",
            fix="Install Java 17 or newer, or set JAVA_HOME to one; or use --engine duckdb.",
        )
    if master.startswith("spark://"):
        _refuse_unreachable(master)


def _refuse_unreachable(master: str) -> None:
    """Refuse a master that does not respond, because Spark would try for a minute and then fail with a traceback.

    The URL can name several masters, separated by commas. One that responds is enough.
    """
    problem = ""
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            with closing(socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_SECONDS)):
                return
        except OSError as error:
            problem = f"the master does not answer ({root_cause(error)})"
        except (ValueError, OverflowError):
            # The text of the error contains a part of the address, which can be a part of a password.
            problem = "the master does not answer (its address has no host and port)"
    raise _start_error(master, problem)


def _start_error(master: str, problem: str) -> EngineError:
    fix = "Check the master in --engine or WIKI_TRENDS_ENGINE, that it runs, and the messages of Java; then try again."
    return EngineError(engine=spark_name(master), problem=problem, fix=fix)


def spark_name(master: str) -> str:
    """Return the name of Spark for messages, with the master but without the login that a URL can contain."""
    return f"Spark ({_hide_login(master)})" if master else "Spark"


def _hide_login(text: str) -> str:
    return re.sub(r"(?<=://)[^\s/]*@", "…@", text)

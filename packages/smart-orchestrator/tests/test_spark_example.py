"""The example whose pipeline is a script with PySpark; it starts a Java, and runs beside the other tests on Spark."""

from __future__ import annotations

import pytest

from testing.documented_sessions import EXAMPLES, copy_of, play
from testing.spark_session import spark_environment


@pytest.mark.long
def test_the_session_of_the_example_with_iceberg(tmp_path):
    folder = copy_of(EXAMPLES / "iceberg", tmp_path / "example")
    play(EXAMPLES / "iceberg" / "README.md", folder, spark_environment(tmp_path / "spark"))

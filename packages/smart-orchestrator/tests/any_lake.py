"""A folder with a configuration, a Hive lake of Parquet that DuckDB wrote, and a pipeline that is a shell command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "smart_orchestrator"]
WINDOW = ["--start", "2025-11-05", "--end", "2025-11-09"]
OLD = 1_700_000_000

CONFIG = """
[datasets.orders]
url = "lake/sales"
key = "orders/dt={start:%Y-%m-%d}"
grain = "day"
adapter = "files"
format = "parquet"
lag = 1
settle = 600
min_rows = 10
runner = "etl"

[runners.etl]
command = ["PYTHON", "etl.py", "--day", "{key}"]
jobs = 4
attempts = 3
timeout = 1800

[consumers.revenue]
datasets = ["orders"]
last = 7
min_coverage = 100
command = ["PYTHON", "revenue.py", "{start}", "{end}"]
""".replace("PYTHON", sys.executable)

ETL = """
import shutil, sys
day = sys.argv[sys.argv.index("--day") + 1]
with open("started.txt", "a") as file:
    file.write(day + "\\n")
shutil.copytree(f"source/dt={day}", f"lake/sales/orders/dt={day}", copy_function=shutil.copyfile, dirs_exist_ok=True)
"""
REVENUE = """
import sys
print("revenue of", *sys.argv[1:])
with open("revenue.txt", "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
"""


class AnyLake:
    """The folder, and the command in it."""

    def __init__(self, folder: Path, config: str = CONFIG) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "smart-orchestrator.toml").write_text(config)
        (folder / "etl.py").write_text(ETL)
        (folder / "revenue.py").write_text(REVENUE)
        duckdb.sql(
            "COPY (SELECT i AS id, i * 1.5 AS amount, (DATE '2025-11-05' + (i % 5)::INT)::VARCHAR AS dt"
            f" FROM range(100) t(i)) TO '{folder}/source' (FORMAT parquet, PARTITION_BY (dt))"
        )
        shutil.copytree(folder / "source", self.orders)
        self.age()

    @property
    def orders(self) -> Path:
        return self.folder / "lake" / "sales" / "orders"

    def age(self) -> None:
        """Make every file of the lake old enough to be settled."""
        for path in self.orders.rglob("*"):
            os.utime(path, (OLD, OLD))

    def take_away(self, *days: str) -> None:
        for day in days:
            shutil.rmtree(self.orders / f"dt={day}")

    def run(self, *words: str, code: int | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command in the folder."""
        done = subprocess.run(
            [*COMMAND, *words], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert code is None or done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *words: str, code: int | None = None):
        return json.loads(self.run(*words, "--json", code=code).stdout)

    def lines(self, name: str) -> list[str]:
        """The lines that the pipeline or the consumer wrote."""
        path = self.folder / name
        return sorted(path.read_text().splitlines()) if path.exists() else []

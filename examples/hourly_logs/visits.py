"""The consumer of the example: it prints the visits in a window. The orchestrator runs it only if no hour is missing."""

from __future__ import annotations

import csv
import sys
from pathlib import Path


def main() -> None:
    """Print the visits from the first to the last hour."""
    first, last = (text.replace("T", "/") for text in sys.argv[1:])
    visits = 0
    for path in sorted(Path("lake/logs").glob("*/*/part-*.csv")):
        if first <= path.parent.relative_to("lake/logs").as_posix() <= last:
            with path.open(encoding="utf-8", newline="") as file:
                visits += sum(int(row["visits"]) for row in csv.DictReader(file))
    sys.stdout.write(f"{visits} visits\n")


if __name__ == "__main__":
    main()

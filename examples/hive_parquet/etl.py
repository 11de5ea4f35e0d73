"""The existing pipeline: it makes one day of orders. It knows nothing of the orchestrator."""

from __future__ import annotations

import argparse
import shutil


def main() -> None:
    """Make the day of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--day", required=True)
    day = parser.parse_args().day
    shutil.copytree(
        f"source/dt={day}", f"lake/orders/dt={day}", copy_function=shutil.copyfile, dirs_exist_ok=True
    )


if __name__ == "__main__":
    main()

"""The existing pipeline of the example. It produces the orders of one day, and does not depend on the orchestrator."""

from __future__ import annotations

import argparse
import shutil


def main() -> None:
    """Copy the day that the option `--day` names from `source/` to `lake/`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--day", required=True)
    day = parser.parse_args().day
    shutil.copytree(
        f"source/dt={day}", f"lake/orders/dt={day}", copy_function=shutil.copyfile, dirs_exist_ok=True
    )


if __name__ == "__main__":
    main()

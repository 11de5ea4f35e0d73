"""`python -m smart_orchestrator` is `smart-orchestrator`. Without the extra `console` it says how to install it."""

from __future__ import annotations

import sys

from smart_orchestrator.cli.process import collect_rarely
from smart_orchestrator.errors import MissingExtra
from smart_orchestrator.extras import extra


def main() -> None:
    """The entry point of `smart-orchestrator`."""
    collect_rarely()
    try:
        with extra("console"):
            from smart_orchestrator.cli.app import main as run
    except MissingExtra as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    run()


if __name__ == "__main__":
    main()

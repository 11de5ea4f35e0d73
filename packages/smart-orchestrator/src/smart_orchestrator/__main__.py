"""`python -m smart_orchestrator` is `smart-orchestrator`. If the extra `console` is missing, the error says how to install the extra."""

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

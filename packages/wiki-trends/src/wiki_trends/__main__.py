"""`python -m wiki_trends` is `wiki-trends`."""

from __future__ import annotations

from smart_orchestrator.cli.process import collect_rarely


def main() -> None:
    """The entry point of `wiki-trends`."""
    collect_rarely()
    from wiki_trends.cli.app import main as run

    run()


if __name__ == "__main__":
    main()

"""The `Program` of the command `wiki-trends`, which prints its errors, and the programs of the documented scripts."""

from __future__ import annotations

from smart_orchestrator.cli.exit_codes import Program


def _redact(text: str) -> str:
    from wiki_trends.config.urls import redact_credentials

    return redact_credentials(text)


WIKI_TRENDS_PROGRAM = Program(name="wiki-trends", product="wiki-trends", redact=_redact)


def documented_script(file: str, *, debug: bool) -> Program:
    """Return the `Program` of a documented script, such as `run_analytics.py`."""
    return Program(f"python {file}", WIKI_TRENDS_PROGRAM.product, _redact, debug)

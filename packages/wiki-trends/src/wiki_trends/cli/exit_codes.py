"""The exit codes of `wiki-trends`: those of `smart_orchestrator.cli.exit_codes`, and the codes for findings of `doctor`."""

from __future__ import annotations

from smart_orchestrator.cli.exit_codes import UNREACHABLE, USAGE, Program, exit_code


def _redacted(text: str) -> str:
    from wiki_trends.config.urls import redacted

    return redacted(text)


WIKI_TRENDS = Program("wiki-trends", "wiki-trends", _redacted)


def documented_script(file: str, *, debug: bool) -> Program:
    """Return the `Program` of a documented script, such as `run_analytics.py`."""
    return Program(f"python {file}", WIKI_TRENDS.product, _redacted, debug)


def exit_code_of_finding(error: Exception) -> int:
    """Return the exit code for the error of a `doctor` finding. An `OSError` means that a disk cannot be used."""
    return UNREACHABLE if isinstance(error, OSError) else exit_code(error) or USAGE

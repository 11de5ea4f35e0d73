"""The exit codes of `wiki-trends`: the codes of `smart_orchestrator.cli.exit_codes`, and the code of each failed `doctor` check."""

from __future__ import annotations

from smart_orchestrator.cli.exit_codes import UNREACHABLE, USAGE, Program, exit_code


def _redact(text: str) -> str:
    from wiki_trends.config.urls import redact_credentials

    return redact_credentials(text)


WIKI_TRENDS = Program("wiki-trends", "wiki-trends", _redact)


def documented_script(file: str, *, debug: bool) -> Program:
    """Return the `Program` of a documented script, such as `run_analytics.py`."""
    return Program(f"python {file}", WIKI_TRENDS.product, _redact, debug)


def exit_code_of_finding(error: Exception) -> int:
    """Return the exit code for the error of a `doctor` finding.

    An `OSError` means that the state folder cannot be used, which counts as an unreachable service.
    """
    return UNREACHABLE if isinstance(error, OSError) else exit_code(error) or USAGE

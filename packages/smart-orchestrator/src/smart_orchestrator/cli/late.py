"""Print which partitions missed their deadlines: `status --late`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import typer

from smart_orchestrator.cli import printing
from smart_orchestrator.cli.exit_codes import DONE, INCOMPLETE, error_text
from smart_orchestrator.expected_error import ExpectedError
from smart_orchestrator.project_errors import ConfigError
from smart_orchestrator.project_signals import announce_freshness, judge_dataset, write_metrics
from smart_orchestrator.text.freshness import freshness_lines

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.freshness import FreshnessReport
    from smart_orchestrator.project import Project


def print_late_and_exit(
    project: Project, *, as_of: dt.datetime | None, quiet: bool, as_json: bool
) -> NoReturn:
    """Judge every dataset that has an objective, print the reports, and end with exit code 1 if an objective is not met.

    With `quiet`, only the reports about objectives that are not met are printed. Without `as_of`, the reports are stored, the messages
    about incidents are sent, and, if every dataset could be judged, the metrics are written.

    Raises:
        ConfigError: no dataset has an objective.
    """
    config = project.config
    if not config.objectives:
        fix = 'Add fresh = "06:00 UTC, 2 days" to a dataset, for example.'
        raise ConfigError(str(config.path), "datasets", "no dataset has a deadline", fix)
    judged_project = project if as_of is None else project.at(as_of)
    reports: list[FreshnessReport] = []
    errors: dict[str, ExpectedError] = {}
    for name in config.objectives:
        try:
            report = judge_dataset(judged_project, name)
        except ExpectedError as error:
            errors[name] = error
        else:
            reports += [report] if report is not None else []
    if as_of is None:
        announce_freshness(project, reports)
        if not errors:
            write_metrics(project, reports)
    shown = [report for report in reports if not quiet or not report.met]
    texts = {name: error_text(error) for name, error in errors.items()}
    if as_json:
        printing.print_json(late_document(shown, texts))
    else:
        printing.out([line for report in shown for line in freshness_lines(report)])
    printing.err([(f"error: {name}: {text}", "bad") for name, text in texts.items()])
    codes = [error.exit_code for error in errors.values()]
    raise typer.Exit(max([DONE if all(report.met for report in reports) else INCOMPLETE, *codes]))


def late_document(reports: Sequence[FreshnessReport], errors: Mapping[str, str]) -> dict[str, object]:
    """Return the document that `status --late --json` prints; `errors` has an error text for each dataset that could not be judged."""
    return {
        "met": not errors and all(report.met for report in reports),
        "errors": dict(errors),
        "datasets": {report.dataset: report.to_json() for report in reports},
    }

"""What a run of the orchestrator is asked for: which window, when it is ready, or only a plan. Needs no Airflow.

Airflow holds types and ranges against the schema of the parameters when a run is triggered. What it lets through and what
still makes no window (a name that is no parameter, an as-of day that is to come, half an explicit window) raises
`WindowError` here, before anything is started.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smart_orchestrator.errors import WindowError
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.window import MAX_DAYS, Window, parse_day

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping

# Name of a parameter -> its schema and what the trigger form says; the default is the DAG's.
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "days": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_DAYS,
        "description": "The last so many days that the source has; without effect beside `start` and `end`.",
    },
    "as_of": {
        "type": ["null", "string"],
        "format": "date",
        "description": "The UTC day that counts as today; default the day of this run.",
    },
    "start": {
        "type": ["null", "string"],
        "format": "date",
        "description": "First day of an explicit window; with `end`.",
    },
    "end": {
        "type": ["null", "string"],
        "format": "date",
        "description": "Last day of an explicit window, included; with `start`.",
    },
    "min_coverage": {
        "type": "number",
        "minimum": 0,
        "maximum": 100,
        "description": "Percent of the expected days that must be there before the analytics run.",
    },
    "dry_run": {
        "type": "boolean",
        "description": "Only say what would be done.",
    },
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        window: which days.
        policy: when they are ready.
        dry_run: whether nothing is to be done.
    """

    window: Window
    policy: Policy
    dry_run: bool = False


def request_of(
    conf: Mapping[str, Any] | None,
    params: Mapping[str, Any],
    run_day: dt.date,
    lag: int,
    known: Collection[str] = tuple(SCHEMAS),
) -> Request:
    """The request of one run.

    Args:
        conf: what the run was triggered with, as it was written.
        params: the parameters with their values, defaults included.
        run_day: the UTC day of the run's `run_after`, which counts as today unless `as_of` is given.
        lag: whole days between a day and the first day on which the source has it.
        known: names of the DAG's parameters; Airflow puts every name of the conf among the values.

    Raises:
        WindowError: it makes no window; the text names the parameter, its value and the fix.
    """
    for name in conf or {}:
        if name not in known:
            raise _unknown(name, list(known))
    as_of = _day(params, "as_of") or run_day
    if as_of > run_day:
        problem = f"is after {run_day}, the UTC day of this run"
        raise WindowError("as_of", as_of, problem, "Give that day or an earlier one.")
    return Request(
        _window(params, as_of, lag),
        Policy(min_coverage=float(params.get("min_coverage", 100))),
        dry_run=bool(params.get("dry_run")),
    )


def _window(params: Mapping[str, Any], as_of: dt.date, lag: int) -> Window:
    start, end = _day(params, "start"), _day(params, "end")
    if start is None and end is None:
        return Window.of_days(int(params["days"]), as_of, lag)
    if start is None or end is None:
        name, value, absent = ("end", end, "start") if start is None else ("start", start, "end")
        raise WindowError(name, value, f"was given without {absent}", "Give both, or neither.")
    return Window.between(start, end, as_of, lag)


def _day(params: Mapping[str, Any], name: str) -> dt.date | None:
    given = params.get(name)
    return parse_day(str(given), name) if given else None


def _unknown(name: str, known: list[str]) -> WindowError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    fix = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
    return WindowError("conf", repr(name), "is not a parameter of this DAG", fix)

"""Parse the parameters of an orchestrator run: the window, the readiness policy and `dry_run`.

When a run is triggered, Airflow validates types and ranges against the schemas of the parameters. This module finds the
remaining errors (an unknown parameter, an as-of day in the future, a start without an end) and raises `WindowError`, before any
pipeline run is started. This module does not import Airflow.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smart_orchestrator.adapters.manifest import Depth
from smart_orchestrator.errors import WindowError
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.window import MAX_KEYS, Window, parse_day

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping

# The defaults of the parameters. The DAG sets the default of `days`; every parameter that is not listed here defaults to None.
DEFAULTS: Mapping[str, Any] = {
    "min_coverage": 100,
    "min_days": 1,
    "allow_lag": False,
    "strict": False,
    "depth": Depth.AS_NEEDED.value,
    "dry_run": False,
}
# For each parameter, its JSON schema. Airflow shows the description in the form that triggers a run.
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "days": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_KEYS,
        "description": "Number of days in the window, which ends on the newest day that the source has; ignored if `start` and `end` are set.",
    },
    "as_of": {
        "type": ["null", "string"],
        "format": "date",
        "description": "The UTC day that counts as today; by default, the day of this run.",
    },
    "start": {
        "type": ["null", "string"],
        "format": "date",
        "description": "First day of an explicit window; requires `end`.",
    },
    "end": {
        "type": ["null", "string"],
        "format": "date",
        "description": "Last day of an explicit window, inclusive; requires `start`.",
    },
    "min_coverage": {
        "type": "number",
        "minimum": 0,
        "maximum": 100,
        "description": "Percentage of the expected days that must be complete before the analytics run.",
    },
    "min_days": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_KEYS,
        "description": "Number of days that must be complete before the analytics run.",
    },
    "allow_lag": {
        "type": "boolean",
        "description": "Accept an explicit window in which days within the publication lag are not complete.",
    },
    "strict": {
        "type": "boolean",
        "description": "Treat a day with an unusual volume as invalid.",
    },
    "depth": {
        "type": "string",
        "enum": [depth.value for depth in Depth],
        "description": "What to read: only metadata, also data that no manifest describes, or all rows.",
    },
    "dry_run": {
        "type": "boolean",
        "description": "Only report which runs would be started; start nothing.",
    },
}


@dataclass(frozen=True, slots=True)
class Request:
    """The validated parameters of one run.

    Attributes:
        window: the days to check.
        policy: the condition for a ready window.
        depth: how much of the data the check reads.
        dry_run: whether the run only reports, and starts nothing.
    """

    window: Window
    policy: Policy
    depth: Depth = Depth.AS_NEEDED
    dry_run: bool = False


def request_of(
    conf: Mapping[str, Any] | None,
    params: Mapping[str, Any],
    run_day: dt.date,
    lag: int,
    names: Collection[str] = tuple(SCHEMAS),
) -> Request:
    """Parse and validate the parameters of one run.

    Args:
        conf: the conf with which the run was triggered.
        params: the values of all parameters as Airflow merged them: the defaults, replaced by the values in the conf.
        run_day: the UTC day of the run's `run_after`. It counts as today unless `as_of` is set.
        lag: the publication lag: the number of days from a day to the first day on which the source has it.
        names: the names of the DAG's parameters. Any other name in the conf is an error.

    Raises:
        WindowError: a parameter is unknown, or the parameters do not describe a valid window. The message names the
            parameter, its value and the fix.
    """
    for name in conf or {}:
        if name not in names:
            raise _unknown_parameter(name, list(names))
    as_of = _day(params, "as_of") or run_day
    if as_of > run_day:
        problem = f"is after {run_day}, the UTC day of this run"
        raise WindowError("as_of", as_of, problem, f"Give {run_day} or an earlier day.")
    # A parameter that the DAG does not have, or whose value is None, has its default.
    values = {**DEFAULTS, **{name: value for name, value in params.items() if value is not None}}
    policy = Policy(
        float(values["min_coverage"]),
        int(values["min_days"]),
        bool(values["allow_lag"]),
        bool(values["strict"]),
    )
    return Request(_window(params, as_of, lag), policy, Depth(values["depth"]), bool(values["dry_run"]))


def _window(params: Mapping[str, Any], as_of: dt.date, lag: int) -> Window:
    start, end = _day(params, "start"), _day(params, "end")
    if start is None and end is None:
        return Window.of_days(int(params["days"]), as_of, lag)
    if start is None or end is None:
        name, value, missing = ("end", end, "start") if start is None else ("start", start, "end")
        raise WindowError(name, value, f"was given without {missing}", "Give both, or neither.")
    return Window.between(start, end, as_of=as_of, lag=lag)


def _day(params: Mapping[str, Any], name: str) -> dt.date | None:
    value = params.get(name)
    return parse_day(str(value), name) if value else None


def _unknown_parameter(name: str, names: list[str]) -> WindowError:
    similar = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    fix = f"Did you mean {similar[0]}?" if similar else f"The parameters are: {', '.join(names)}."
    return WindowError("conf", repr(name), "is not a parameter of this DAG", fix)

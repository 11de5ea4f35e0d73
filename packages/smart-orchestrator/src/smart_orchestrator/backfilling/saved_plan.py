"""Save plans in files, and read them.

A file contains the steps of a plan and a digest of these steps, but no code and no shell command. Before a saved plan is executed, the
caller makes a new plan for the same window. `changes_since` compares the two plans, and so shows whether the lake or the runs have
changed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smart_orchestrator.errors import OptionError
from smart_orchestrator.foreign import (
    MAX_BYTES,
    BadDocument,
    integer_field,
    one_line,
    parse_document,
    read_regular_file,
    text_field,
)
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.plan import Action

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.model.run import Run

VERSION = 2
_FIX = "Make a new plan with `plan -o FILE`."


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """The form of a plan in a file.

    Attributes:
        dataset: the name of the dataset.
        start: the first key of the window, as text.
        end: the last key of the window, as text.
        as_of: the as-of key of the window, as text.
        lag: the publication lag of the window, in keys.
        runner: the name of the runner that starts the runs; None for a dataset without a runner.
        steps: the steps, by the key as text. In a step, `run` is the name of the run to follow; `latest_run` is the name and the
            state of the latest run of a missing key.
    """

    dataset: str
    start: str
    end: str
    as_of: str
    lag: int
    runner: str | None
    steps: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, plan: Plan) -> SavedPlan:
        """Return the saved form of a plan."""
        window = plan.completeness.window
        steps = {
            # `day` is a key of the dataset, which may also be an hour or a month.
            key_text(step.day): {
                "action": step.action.value,
                "code": partition.code.value,
                "fingerprint": partition.fingerprint,
                "run": step.run.name if step.run else None,
                "latest_run": _run_text(plan.latest_runs.get(step.day)),
                "why": step.why,
            }
            for step, partition in zip(plan.steps, plan.completeness.partitions, strict=True)
        }
        return cls(
            dataset=plan.completeness.dataset,
            start=key_text(window.start),
            end=key_text(window.last),
            as_of=key_text(window.as_of),
            lag=window.lag,
            runner=plan.runner,
            steps=steps,
        )

    @property
    def digest(self) -> str:
        """A digest of the dataset, the window and the runner, and of the facts of each step that must not change."""
        compared = [[key, _comparable_facts(step)] for key, step in sorted(self.steps.items())]
        document = [self.dataset, self.start, self.end, self.as_of, self.lag, self.runner, compared]
        return hashlib.sha256(json.dumps(document).encode()).hexdigest()

    def changes_since(self, plan: Plan) -> list[str]:
        """Return the differences from a new plan for the same window.

        The result has one sentence for each key that differs, and one sentence if the runner differs.
        """
        new_steps = SavedPlan.of(plan).steps
        changes = (
            [] if self.runner == plan.runner else [f"the runner was {self.runner}, and is {plan.runner}"]
        )
        changed = [
            key
            for key, step in sorted(self.steps.items())
            if key in new_steps
            and _comparable_facts(step) != _comparable_facts(new_steps[key])
            and not _has_settled(step, new_steps[key])
        ]
        changes += [
            f"{key} was {_state_text(self.steps[key])}, and is {_state_text(new_steps[key])}"
            for key in changed
        ]
        return changes + [
            f"{key} is in only one of the two plans" for key in sorted(self.steps.keys() ^ new_steps.keys())
        ]

    def to_json(self) -> dict[str, object]:
        """Return the document to write into a file."""
        return {
            "version": VERSION,
            "dataset": self.dataset,
            "window": {"start": self.start, "end": self.end, "as_of": self.as_of, "lag": self.lag},
            "runner": self.runner,
            "digest": self.digest,
            "start": [key for key, step in self.steps.items() if step["action"] == "start"],
            "steps": {key: dict(step) for key, step in self.steps.items()},
        }

    @classmethod
    def read(cls, path: Path) -> SavedPlan:
        """Read a plan from a file.

        Raises:
            OptionError: the file cannot be read, is not a plan, or was edited.
        """
        try:
            document = parse_document(read_regular_file(path, MAX_BYTES), what=path.name)
            window, steps = document["window"], document["steps"]
            plan = cls(
                dataset=text_field(document, "dataset", what=path.name),
                start=text_field(window, "start", what=path.name),
                end=text_field(window, "end", what=path.name),
                as_of=text_field(window, "as_of", what=path.name),
                lag=integer_field(window, "lag", what=path.name),
                runner=document.get("runner"),
                steps=steps,
            )
            digest = plan.digest
        except OSError as error:
            raise OptionError("plan", path, f"cannot be read ({error.strerror})", _FIX) from None
        except BadDocument as error:
            raise OptionError("plan", path, f"is not a plan ({error.problem})", _FIX) from None
        except (KeyError, TypeError, AttributeError) as error:
            raise OptionError("plan", path, f"is not a plan ({one_line(error)})", _FIX) from None
        if document.get("version") != VERSION or digest != document.get("digest"):
            raise OptionError("plan", path, "was edited, or written by another version", _FIX)
        return plan


def _comparable_facts(step: Mapping[str, Any]) -> list[object]:
    """Return the facts of a step that must not change. The reason is left out, because it may contain an age."""
    return [step["action"], step["code"], step["fingerprint"], step["run"], step.get("latest_run")]


def _has_settled(step: Mapping[str, Any], new_step: Mapping[str, Any]) -> bool:
    """Return whether a partition counted as being written in the saved plan, and is now complete with the same data.

    That only time has passed is not a change.
    """
    return (
        (step["code"], step["action"], new_step["action"]) == (Code.STILL_WRITING, Action.WAIT, Action.KEEP)
        and step["fingerprint"] is not None
        and step["fingerprint"] == new_step["fingerprint"]
    )


def _state_text(step: Mapping[str, Any]) -> str:
    latest_run = step.get("latest_run")
    return f"{step['code']} ({step['action']}{f', run {latest_run}' if latest_run else ''})"


def _run_text(run: Run | None) -> str | None:
    """Return the name and the state of a run. Queued and running are one state, so that the start of a queued run is not a change."""
    if run is None:
        return None
    return f"{run.name} {'in flight' if run.in_flight else run.state.value}"

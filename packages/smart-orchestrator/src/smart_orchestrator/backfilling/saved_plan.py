"""Plans in files: what would be done, and a digest of what was seen when the plan was made.

A saved plan holds no command. It is applied only while the lake and the runs are as they were: `changes_since` compares it with a
plan that was made afresh for the same window.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smart_orchestrator.errors import OptionError
from smart_orchestrator.foreign import BadDocument, integer_field, parse_document, text_field
from smart_orchestrator.model.grain import key_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from smart_orchestrator.model.plan import Plan

VERSION = 1
_FIX = "Make a new plan with `plan -o FILE`."


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as it is kept in a file.

    Attributes:
        dataset: name of the dataset.
        start: first key of the window, as text.
        end: last key of the window, as text.
        as_of: the key that counted as now, as text.
        lag: of the window.
        steps: what was seen and decided for each key: code, fingerprint, action, latest run.
    """

    dataset: str
    start: str
    end: str
    as_of: str
    lag: int
    steps: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, plan: Plan) -> SavedPlan:
        """The saved form of a plan."""
        window = plan.completeness.window
        steps = {
            key_text(step.day): {
                "action": step.action.value,
                "code": partition.code.value,
                "fingerprint": partition.fingerprint,
                "run": step.run.name if step.run else None,
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
            steps=steps,
        )

    @property
    def digest(self) -> str:
        """A digest of everything that was seen and decided."""
        seen = [[key, _compared(step)] for key, step in sorted(self.steps.items())]
        document = [self.dataset, self.start, self.end, self.as_of, self.lag, seen]
        return hashlib.sha256(json.dumps(document).encode()).hexdigest()

    def changes_since(self, plan: Plan) -> list[str]:
        """What differs in a plan that was made now for the same window, one sentence for each key."""
        now = SavedPlan.of(plan).steps
        changed = [
            key
            for key, step in sorted(self.steps.items())
            if key in now and _compared(step) != _compared(now[key])
        ]
        return [
            f"{key} was {_state_text(self.steps[key])}, and is {_state_text(now[key])}" for key in changed
        ] + [f"{key} is in only one of the two plans" for key in sorted(self.steps.keys() ^ now.keys())]

    def to_json(self) -> dict[str, object]:
        """The document of the file."""
        return {
            "version": VERSION,
            "dataset": self.dataset,
            "window": {"start": self.start, "end": self.end, "as_of": self.as_of, "lag": self.lag},
            "digest": self.digest,
            "start": [key for key, step in self.steps.items() if step["action"] == "start"],
            "steps": {key: dict(step) for key, step in self.steps.items()},
        }

    @classmethod
    def read(cls, path: Path) -> SavedPlan:
        """The plan in a file.

        Raises:
            OptionError: the file cannot be read, is not a plan, or was edited.
        """
        try:
            document = parse_document(path.read_bytes(), what=path.name)
            window, steps = document["window"], document["steps"]
            plan = cls(
                dataset=text_field(document, "dataset", what=path.name),
                start=text_field(window, "start", what=path.name),
                end=text_field(window, "end", what=path.name),
                as_of=text_field(window, "as_of", what=path.name),
                lag=integer_field(window, "lag", what=path.name),
                steps=steps,
            )
            digest = plan.digest
        except OSError as error:
            raise OptionError("plan", path, f"cannot be read ({error.strerror})", _FIX) from None
        except (BadDocument, KeyError, TypeError, AttributeError) as error:
            raise OptionError("plan", path, f"is not a plan ({error})", _FIX) from None
        if document.get("version") != VERSION or digest != document.get("digest"):
            raise OptionError("plan", path, "was edited, or written by another version", _FIX)
        return plan


def _compared(step: Mapping[str, Any]) -> list[object]:
    """The facts of a step that must not have changed. The reasons hold ages and may differ."""
    return [step["action"], step["code"], step["fingerprint"], step["run"]]


def _state_text(step: Mapping[str, Any]) -> str:
    return f"{step['code']} ({step['action']})"

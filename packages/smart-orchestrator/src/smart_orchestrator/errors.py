"""The exceptions of the layer; each has its facts as attributes.

    SmartOrchestratorError
    ├── WindowError             an impossible window
    ├── OptionError             a limit or a policy that cannot be met
    ├── DatasetError            a dataset whose description cannot work
    ├── MissingExtra            an optional dependency is not installed
    ├── LakeError               the lake cannot be used
    │   ├── LakeUrlError        the URL is not the URL of a lake
    │   ├── LakeSettingError    a setting or an environment variable cannot be used
    │   ├── LakeUnreachable     no answer: network, time-out, server
    │   └── LakeDenied          the lake answered and refused: credentials, rights, missing bucket
    ├── ObjectMissing           an object does not exist
    ├── ObjectUnusable          something else than a file where an object belongs
    ├── ObjectConflict          a conditional write met another version
    ├── VacuumRefused           nothing shows that the lake is written by this program
    ├── CommitError             a partition could not be committed
    │   └── LostRace            another writer committed the day first
    ├── ContractError           rows break the dataset's contract
    ├── WaiverError             a waiver cannot be recorded, read or removed
    ├── PartitionChanged        a partition is no longer the one that was inspected
    ├── NotPublished            the source does not have the day: not a fault of the run
    ├── SourceRefused           the source refused the request itself: a retry cannot help
    ├── SourceUnreachable       the source gave no answer within its deadline
    └── RunsError               the runs cannot be started or followed
        └── RunsUnreachable     the runner does not answer

The message is made from the fields: what happened, to what, and, as the last sentence, the fix. No message holds credentials:
the errors of a lake are made from scheme, bucket and key only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


class SmartOrchestratorError(Exception):
    """Base of every error that `smart_orchestrator` raises on purpose. All of them pickle."""

    def __reduce__(self) -> tuple[object, ...]:
        # The constructors take the fields, and `args` holds the message.
        return _restored, (type(self), self.args), self.__dict__


def _restored(kind: type[SmartOrchestratorError], args: tuple[object, ...]) -> SmartOrchestratorError:
    error = kind.__new__(kind)
    error.args = args
    return error


class WindowError(SmartOrchestratorError):
    """An impossible window.

    Attributes:
        field: the argument at fault: `days`, `as_of`, `lag`, `start` or `end`.
        value: its value.
        problem: what is wrong with it.
        fix: what to do instead, as a sentence.
    """

    def __init__(self, field: str, value: object, problem: str, fix: str) -> None:
        self.field = field
        self.value = value
        self.problem = problem
        self.fix = fix
        super().__init__(f"{field}: {value} {problem}. {fix}")


class OptionError(SmartOrchestratorError):
    """A limit or a policy that cannot be met: no jobs, a coverage beyond 100 percent, a number that is none.

    Attributes:
        field: the option at fault.
        value: its value.
        problem: what is wrong with it.
        fix: what to give instead, a sentence.
    """

    def __init__(self, field: str, value: object, problem: str, fix: str) -> None:
        self.field = field
        self.value = value
        self.problem = problem
        self.fix = fix
        super().__init__(f"{field}: {value} {problem}. {fix}")


class DatasetError(SmartOrchestratorError):
    """A dataset whose description cannot work.

    Attributes:
        dataset: its name.
        problem: what is wrong.
    """

    def __init__(self, dataset: str, problem: str) -> None:
        self.dataset = dataset
        self.problem = problem
        super().__init__(f"Dataset {dataset}: {problem}. Correct its description.")


class MissingExtra(SmartOrchestratorError):
    """An optional dependency is not installed.

    Attributes:
        package: the package that could not be imported.
        extra: the extra of `smart-orchestrator` that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"{package} is not installed. Install the extra: pip install 'smart-orchestrator[{extra}]'."
        )


class LakeError(SmartOrchestratorError):
    """The lake cannot be used.

    Attributes:
        lake: the lake's URL, without credentials.
        problem: what happened.
        fix: what to do, a sentence.
    """

    def __init__(self, lake: str, problem: str, fix: str) -> None:
        self.lake = lake
        self.problem = problem
        self.fix = fix
        super().__init__(f"Lake {lake}: {problem}. {fix}")


class LakeUrlError(LakeError):
    """The URL is not the URL of a lake."""

    def __init__(self, lake: str, problem: str) -> None:
        fix = "Use a folder, file:///folder, s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or memory://name."
        super().__init__(lake, problem, fix)


class LakeSettingError(LakeError):
    """A setting or an environment variable of the lake cannot be used.

    Attributes:
        setting: its name.
    """

    def __init__(self, lake: str, setting: str, problem: str, fix: str) -> None:
        self.setting = setting
        super().__init__(lake, f"{setting} {problem}", fix)


class LakeUnreachable(LakeError):
    """No answer from the lake: network, time-out or a failing server. It never means that the lake is empty."""


class LakeDenied(LakeError):
    """The lake answered and refused: credentials, rights, or a bucket that does not exist."""


class ObjectMissing(SmartOrchestratorError):
    """An object is not in the lake.

    Attributes:
        lake: the lake's URL, without credentials.
        key: the object's key.
    """

    def __init__(self, lake: str, key: str) -> None:
        self.lake = lake
        self.key = key
        super().__init__(f"{key} is not in {lake}. List the day again.")


class ObjectUnusable(SmartOrchestratorError):
    """Something else than a regular file is where an object belongs: a FIFO, a device, a link out of the lake.

    Attributes:
        lake: the lake's URL, without credentials.
        key: the object's key.
        problem: what it is.
    """

    def __init__(self, lake: str, key: str, problem: str) -> None:
        self.lake = lake
        self.key = key
        self.problem = problem
        super().__init__(f"{key} in {lake} is {problem}. Replace it by a file.")


class ObjectConflict(SmartOrchestratorError):
    """A conditional write met another version of the object than expected.

    Attributes:
        lake: the lake's URL, without credentials.
        key: the object's key.
    """

    def __init__(self, lake: str, key: str) -> None:
        self.lake = lake
        self.key = key
        super().__init__(f"{key} in {lake} was changed by another writer. Read it again before writing.")


class VacuumRefused(SmartOrchestratorError):
    """A vacuum was refused: the lake has objects, and not one manifest of this program's writer.

    Attributes:
        lake: the lake's URL, without credentials.
        objects: how many objects it would have looked at.
    """

    def __init__(self, lake: str, objects: int) -> None:
        self.lake = lake
        self.objects = objects
        super().__init__(
            f"Lake {lake}: {objects:,} objects and no manifest of this program, so nothing is removed. "
            "Check the lake's URL, or list the objects with a dry run."
        )


class CommitError(SmartOrchestratorError):
    """A partition could not be committed; what was visible stays visible.

    Attributes:
        dataset: the dataset's name.
        day: the UTC day.
        problem: what happened.
        fix: what to do, a sentence.
    """

    def __init__(self, dataset: str, day: date, problem: str, fix: str = "Run the day again.") -> None:
        self.dataset = dataset
        self.day = day
        self.problem = problem
        self.fix = fix
        super().__init__(f"{dataset} {day} was not committed: {problem}. {fix}")


class LostRace(CommitError):
    """Another writer committed the day between our reading its marker and our replacing it."""

    def __init__(self, dataset: str, day: date, winner: str) -> None:
        self.winner = winner
        super().__init__(
            dataset,
            day,
            f"run {winner} committed it at the same time, and its data stay",
            "Nothing is broken: use the day as it is, or run it again.",
        )


class ContractError(SmartOrchestratorError):
    """Rows break the dataset's contract.

    Attributes:
        dataset: the dataset's name.
        day: the UTC day.
        code: the stable code, as in `partition.Code`.
        violations: the first few, each naming part, row and column.
    """

    def __init__(self, dataset: str, day: date, code: str, violations: Sequence[str]) -> None:
        self.dataset = dataset
        self.day = day
        self.code = code
        self.violations = tuple(violations)
        listed = "; ".join(self.violations[:3])
        super().__init__(f"{dataset} {day} breaks its contract ({code}): {listed}. Run the day again.")


class WaiverError(SmartOrchestratorError):
    """A day cannot be waived, or its waiver cannot be read or removed.

    Attributes:
        day: the UTC day.
        problem: what is wrong.
        fix: what to do, a sentence.
    """

    def __init__(self, day: date, problem: str, fix: str) -> None:
        self.day = day
        self.problem = problem
        self.fix = fix
        super().__init__(f"{day}: {problem}. {fix}")


class PartitionChanged(SmartOrchestratorError):
    """A partition is no longer the one that was inspected.

    Attributes:
        dataset: the dataset's name.
        day: the UTC day.
        problem: what differs.
    """

    def __init__(self, dataset: str, day: date, problem: str) -> None:
        self.dataset = dataset
        self.day = day
        self.problem = problem
        super().__init__(f"{dataset} {day} changed after it was checked: {problem}. Check the window again.")


class NotPublished(SmartOrchestratorError):
    """The source does not have the day. A pipeline raises it (or a subclass) to say that trying again now is useless.

    Attributes:
        day: the UTC day.
        problem: what the source said.
    """

    def __init__(self, day: date, problem: str) -> None:
        self.day = day
        self.problem = problem
        SmartOrchestratorError.__init__(
            self,
            f"{day} is not published: {problem}. Try again tomorrow, or waive the day if it will never come.",
        )


class SourceRefused(SmartOrchestratorError):
    """The source refused the request itself. A pipeline raises a subclass to say that trying again now is useless."""


class SourceUnreachable(SmartOrchestratorError):
    """The source gave no answer within its deadline. A pipeline raises a subclass to say that the day is not at fault."""


class RunsError(SmartOrchestratorError):
    """Runs cannot be started or followed.

    Attributes:
        runner: the runner's name.
        problem: what happened.
        fix: what to do, a sentence.
    """

    def __init__(self, runner: str, problem: str, fix: str) -> None:
        self.runner = runner
        self.problem = problem
        self.fix = fix
        super().__init__(f"{runner}: {problem}. {fix}")


class RunsUnreachable(RunsError):
    """The runner does not answer: network, time-out or a failing server. The runs themselves may go on."""

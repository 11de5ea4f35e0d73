"""The exceptions of `smart_orchestrator`. The attributes of an exception carry its details.

    ExpectedError                   base class, see `expected_error`
    └── SmartOrchestratorError
        ├── WindowError             an impossible window
        ├── OptionError             an invalid limit or policy
        ├── DatasetError            an invalid description of a dataset
        ├── ConfigError             an invalid value in the configuration file, see `project_errors`
        ├── PlanMoved               the lake or the runs have changed since the plan was made, see `project_errors`
        ├── MissingExtra            an optional dependency is not installed
        ├── LakeError               the lake cannot be used
        │   ├── LakeUrlError        the URL is not the URL of a lake
        │   ├── LakeSettingError    a setting or an environment variable cannot be used
        │   ├── LakeUnreachable     the lake does not respond: network, time-out, server
        │   └── LakeDenied          the lake refuses the request: credentials, rights, missing bucket
        ├── ObjectError             an object of the lake is not as expected
        │   ├── ObjectMissing       the object does not exist
        │   ├── ObjectUnusable      the key does not lead to a regular file
        │   └── ObjectConflict      a conditional request found another version
        ├── VacuumRefused           no object of the lake is a manifest of this program
        ├── CommitError             a partition could not be committed
        │   └── LostRace            another writer committed the day first
        ├── ContractError           rows violate the dataset's contract
        ├── WaiverError             a waiver cannot be recorded, read or removed
        ├── PartitionChanged        a partition changed after it was inspected
        ├── NotPublished            the upstream does not have the day, so the run is not at fault
        ├── SourceRefused           the upstream refused the request
        ├── SourceUnreachable       the upstream did not respond before the deadline
        └── RunsError               the runs cannot be started or followed
            └── RunsUnreachable     the runner does not respond

The message is made from the attributes: what happened, to which object, and, in the last sentence, the fix. No message
contains credentials, because the errors of a lake show only the scheme, the bucket and the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.expected_error import UNREACHABLE, USAGE, ExpectedError, Failure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


class SmartOrchestratorError(ExpectedError):
    """Base of every error that `smart_orchestrator` raises on purpose."""


class _ValueError(SmartOrchestratorError):
    """An invalid value.

    Attributes:
        field: the name of the argument or option.
        value: the value of the argument or option.
        problem: what is wrong with the value.
        fix: which value to give instead, as a sentence.
    """

    transient = False
    exit_code = USAGE

    def __init__(self, field: str, value: object, problem: str, fix: str) -> None:
        self.field = field
        self.value = value
        self.problem = problem
        self.fix = fix
        super().__init__(f"{field}: {value} {problem}. {fix}")


class WindowError(_ValueError):
    """An impossible window. The field is `start`, `stop`, `end`, `as_of`, `lag`, or the plural of the grain, for example `days`."""


class OptionError(_ValueError):
    """An invalid limit or policy: for example no jobs, a coverage above 100 percent, or not a number."""


class DatasetError(SmartOrchestratorError):
    """An invalid description of a dataset.

    Attributes:
        dataset: the name of the dataset.
        problem: what is wrong with the description.
    """

    transient = False
    exit_code = USAGE

    def __init__(self, dataset: str, problem: str) -> None:
        self.dataset = dataset
        self.problem = problem
        super().__init__(f"Dataset {dataset}: {problem}. Correct its description.")


class MissingExtra(SmartOrchestratorError):
    """An optional dependency is not installed.

    Attributes:
        package: the package that could not be imported.
        extra: the extra of `smart-orchestrator` that installs the package.
    """

    transient = False
    exit_code = USAGE

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
        fix: what to do, as a sentence.
    """

    transient = False
    failure = Failure.UNREACHABLE
    exit_code = UNREACHABLE

    def __init__(self, lake: str, problem: str, fix: str) -> None:
        self.lake = lake
        self.problem = problem
        self.fix = fix
        super().__init__(f"Lake {lake}: {problem}. {fix}")


class LakeUrlError(LakeError):
    """The URL is not the URL of a lake."""

    exit_code = USAGE

    def __init__(self, lake: str, problem: str) -> None:
        fix = "Use a folder, file:///folder, s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or memory://name."
        super().__init__(lake, problem, fix)


class LakeSettingError(LakeError):
    """A setting or an environment variable of the lake cannot be used.

    Attributes:
        setting: the name of the setting or the environment variable.
    """

    exit_code = USAGE

    def __init__(self, lake: str, setting: str, problem: str, fix: str) -> None:
        self.setting = setting
        super().__init__(lake, f"{setting} {problem}", fix)


class LakeUnreachable(LakeError):
    """The lake does not respond: network, time-out or a failing server. This error never means that the lake is empty."""

    transient = True


class LakeDenied(LakeError):
    """The lake refuses the request: credentials, rights, or a bucket that does not exist."""


class ObjectError(SmartOrchestratorError):
    """An object of the lake is not as expected.

    Attributes:
        lake: the lake's URL, without credentials.
        key: the object's key.
    """

    def __init__(self, lake: str, key: str, message: str) -> None:
        self.lake = lake
        self.key = key
        super().__init__(message)


class ObjectMissing(ObjectError):
    """An object is not in the lake."""

    def __init__(self, lake: str, key: str) -> None:
        super().__init__(lake, key, f"{key} is not in {lake}. List the day again.")


class ObjectUnusable(ObjectError):
    """An object's key leads to a FIFO, a device or a link out of the lake instead of a regular file.

    Attributes:
        problem: what is at the key.
    """

    transient = False

    def __init__(self, lake: str, key: str, problem: str) -> None:
        self.problem = problem
        super().__init__(lake, key, f"{key} in {lake} is {problem}. Replace it by a file.")


class ObjectConflict(ObjectError):
    """A conditional read or write failed, because the object does not have the expected version."""

    def __init__(self, lake: str, key: str) -> None:
        super().__init__(
            lake, key, f"{key} in {lake} was changed by another writer. Read it again before writing."
        )


class VacuumRefused(SmartOrchestratorError):
    """A vacuum was refused: the lake has objects, and none of them is a manifest of this program.

    Attributes:
        lake: the lake's URL, without credentials.
        objects: the number of objects in the lake.
    """

    transient = False
    exit_code = USAGE

    def __init__(self, lake: str, objects: int) -> None:
        self.lake = lake
        self.objects = objects
        super().__init__(
            f"Lake {lake}: {objects:,} objects and no manifest of this program, so nothing is removed. "
            "Check the lake's URL, or list the objects with a dry run."
        )


class CommitError(SmartOrchestratorError):
    """A partition could not be committed. The old partition stays visible.

    Attributes:
        dataset: the dataset's name.
        day: the UTC day.
        problem: what happened.
        fix: what to do, as a sentence.
    """

    def __init__(self, dataset: str, day: date, problem: str, fix: str = "Run the day again.") -> None:
        self.dataset = dataset
        self.day = day
        self.problem = problem
        self.fix = fix
        super().__init__(f"{dataset} {day} was not committed: {problem}. {fix}")


class LostRace(CommitError):
    """Another writer committed the day after our writer read the marker and before our writer replaced it."""

    def __init__(self, dataset: str, day: date, winner: str) -> None:
        self.winner = winner
        super().__init__(
            dataset,
            day,
            f"run {winner} committed it at the same time, and its data stay",
            "Nothing is broken: use the day as it is, or run it again.",
        )


class ContractError(SmartOrchestratorError):
    """Rows violate the dataset's contract.

    Attributes:
        dataset: the dataset's name.
        day: the UTC day.
        code: the stable code, see `model.partition.Code`.
        violations: the first few violations, each with its part, row and column.
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
        problem: what is wrong with the day or its waiver.
        fix: what to do, as a sentence.
    """

    transient = False
    exit_code = USAGE

    def __init__(self, day: date, problem: str, fix: str) -> None:
        self.day = day
        self.problem = problem
        self.fix = fix
        super().__init__(f"{day}: {problem}. {fix}")


class PartitionChanged(SmartOrchestratorError):
    """A partition changed after it was inspected.

    Attributes:
        dataset: the dataset's name.
        day: the UTC day.
        problem: what has changed.
    """

    def __init__(self, dataset: str, day: date, problem: str) -> None:
        self.dataset = dataset
        self.day = day
        self.problem = problem
        super().__init__(f"{dataset} {day} changed after it was checked: {problem}. Check the window again.")


class NotPublished(SmartOrchestratorError):
    """The upstream does not have the day yet. A pipeline raises this class or a subclass if an immediate retry is useless.

    Attributes:
        day: the UTC day.
        problem: the response of the upstream.
    """

    transient = False
    failure = Failure.NOT_PUBLISHED

    def __init__(self, day: date, problem: str) -> None:
        self.day = day
        self.problem = problem
        # Not `super()`: in a subclass with several bases, the next constructor may take other arguments.
        SmartOrchestratorError.__init__(
            self,
            f"{day} is not published: {problem}. Try again tomorrow, or waive the day if it will never come.",
        )


class SourceRefused(SmartOrchestratorError):
    """The upstream refused the request. A pipeline raises a subclass if a retry is useless."""

    transient = False
    failure = Failure.REFUSED


class SourceUnreachable(SmartOrchestratorError):
    """The upstream did not respond before the deadline. A pipeline raises a subclass."""

    failure = Failure.UNREACHABLE
    exit_code = UNREACHABLE


class RunsError(SmartOrchestratorError):
    """Runs cannot be started or followed.

    Attributes:
        runner: the runner's name.
        problem: what happened.
        fix: what to do, as a sentence.
    """

    transient = False
    exit_code = UNREACHABLE

    def __init__(self, runner: str, problem: str, fix: str) -> None:
        self.runner = runner
        self.problem = problem
        self.fix = fix
        super().__init__(f"{runner}: {problem}. {fix}")


class RunsUnreachable(RunsError):
    """The runner does not respond: network, time-out or a failing server. The runs themselves may continue."""

    transient = True

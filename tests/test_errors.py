"""The errors of both distributions: each pickles with its fields, and says what a retry, a run and a command make of it."""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
import pickle
import pkgutil

import pytest

import smart_orchestrator
import wiki_trends
from smart_orchestrator.errors import (
    LakeDenied,
    LakeSettingError,
    LakeUnreachable,
    LostRace,
    NotPublished,
    PartitionChanged,
    RunsError,
    RunsUnreachable,
    SourceRefused,
    SourceUnreachable,
    VacuumRefused,
    WindowError,
)
from smart_orchestrator.expected_error import ExpectedError, Failure, failure_of
from wiki_trends.errors import (
    ContractBroken,
    DayNotPublished,
    EngineError,
    NewerPublished,
    NothingPublished,
    RequestRejected,
    SettingError,
    TableFailed,
    TokenRejected,
    WarehouseError,
    WikimediaUnreachable,
    WindowNotReady,
)

AIRFLOW = ("smart_orchestrator.airflow", "wiki_trends.airflow", "wiki_trends.web.airflow_plugin")
# What a constructor gets, by the name of the parameter; every other parameter gets a text.
VALUES = {
    "day": dt.date(2025, 11, 5),
    "violations": ["row 1", "row 2"],
    "missing": ["2025-11-05"],
    "similar": ["Paris"],
    "objects": 3,
    "status": 403,
    "attempts": 2,
    "coverage_pct": 80.0,
    "repeated": True,
}


def _import_everything() -> None:
    for package in (smart_orchestrator, wiki_trends):
        for item in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # Airflow is in an environment of its own; a `__main__` would run.
            if not item.name.startswith(AIRFLOW) and not item.name.endswith("__main__"):
                importlib.import_module(item.name)


def _classes(base: type[ExpectedError]) -> list[type[ExpectedError]]:
    return [base, *(inner for kind in base.__subclasses__() for inner in _classes(kind))]


def _sample(kind: type[ExpectedError]) -> ExpectedError:
    if kind.__init__ is Exception.__init__:
        return kind("something happened")
    parameters = list(inspect.signature(kind).parameters.values())
    values = {parameter.name: VALUES.get(parameter.name, f"a {parameter.name}") for parameter in parameters}
    by_name = {p.name: values[p.name] for p in parameters if p.kind is p.KEYWORD_ONLY}
    return kind(*[values[p.name] for p in parameters if p.kind is not p.KEYWORD_ONLY], **by_name)


def test_every_error_of_both_distributions_pickles() -> None:
    _import_everything()
    kinds = {kind for kind in _classes(ExpectedError) if kind.__module__.startswith(("smart_", "wiki_"))}

    for kind in kinds:
        error = _sample(kind)
        copy = pickle.loads(pickle.dumps(error))

        assert type(copy) is kind
        assert (str(copy), copy.args, vars(copy)) == (str(error), error.args, vars(error))
    assert {"BadDocument", "Refused", "LostRace", "ClientBlocked", "NothingPublished"} <= {
        kind.__name__ for kind in kinds
    }


@pytest.mark.parametrize(
    ("kind", "transient", "failure", "exit_code"),
    [
        (WindowError, False, Failure.ERROR, 2),
        (LakeDenied, False, Failure.UNREACHABLE, 3),
        (LakeUnreachable, True, Failure.UNREACHABLE, 3),
        (LakeSettingError, False, Failure.UNREACHABLE, 2),
        (LostRace, True, Failure.ERROR, 1),
        (PartitionChanged, True, Failure.ERROR, 1),
        (VacuumRefused, False, Failure.ERROR, 2),
        (NotPublished, False, Failure.NOT_PUBLISHED, 1),
        (SourceRefused, False, Failure.REFUSED, 1),
        (SourceUnreachable, True, Failure.UNREACHABLE, 3),
        (RunsError, False, Failure.ERROR, 3),
        (RunsUnreachable, True, Failure.ERROR, 3),
        (SettingError, False, Failure.ERROR, 2),
        (DayNotPublished, False, Failure.NOT_PUBLISHED, 1),
        (RequestRejected, False, Failure.REFUSED, 2),
        (TokenRejected, False, Failure.REFUSED, 2),
        (ContractBroken, True, Failure.ERROR, 1),
        (WikimediaUnreachable, True, Failure.UNREACHABLE, 3),
        (WindowNotReady, False, Failure.ERROR, 1),
        (EngineError, False, Failure.ERROR, 3),
        (TableFailed, True, Failure.ERROR, 3),
        (WarehouseError, True, Failure.ERROR, 3),
        (NothingPublished, False, Failure.ERROR, 1),
        (NewerPublished, False, Failure.ERROR, 1),
    ],
)
def test_an_error_says_what_a_retry_a_run_and_a_command_make_of_it(
    kind: type[ExpectedError], transient: bool, failure: Failure, exit_code: int
) -> None:
    assert (kind.transient, kind.failure, kind.exit_code) == (transient, failure, exit_code)
    assert failure_of(_sample(kind))[0] is failure


def test_any_other_exception_of_a_pipeline_is_an_error_with_a_message() -> None:
    assert failure_of(KeyError("page")) == (Failure.ERROR, "'page'")
    assert failure_of(ValueError()) == (Failure.ERROR, "ValueError")


@pytest.mark.parametrize(
    ("failure", "final"),
    [
        (Failure.ERROR, False),
        (Failure.LOST, False),
        (Failure.NO_DATA_AFTER_SUCCESS, False),
        (Failure.NOT_PUBLISHED, True),
        (Failure.UNREACHABLE, True),
        (Failure.REFUSED, True),
    ],
)
def test_another_attempt_is_made_only_where_it_can_help(failure: Failure, final: bool) -> None:
    assert failure.final is final

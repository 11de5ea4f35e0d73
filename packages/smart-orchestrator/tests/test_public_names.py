"""The public names of the layer; a test holds the list."""

from __future__ import annotations

import subprocess
import sys

import pytest

import smart_orchestrator

NAMES = [
    "Action",
    "AirflowApi",
    "AirflowRunner",
    "Backfill",
    "Cause",
    "Code",
    "Column",
    "CommandRunner",
    "CommitError",
    "Completeness",
    "ConfigError",
    "ContractError",
    "DailyDataset",
    "Dataset",
    "DatasetError",
    "Failure",
    "Grain",
    "InspectOptions",
    "Lake",
    "LakeDenied",
    "LakeError",
    "LakeUnreachable",
    "LakeUrlError",
    "Limits",
    "LocalRunner",
    "LostRace",
    "MissingExtra",
    "Manifest",
    "NotPublished",
    "ObjectConflict",
    "ObjectMissing",
    "OptionError",
    "Outcome",
    "Part",
    "Partition",
    "PartitionChanged",
    "PipelineDag",
    "Plan",
    "PlanMoved",
    "Policy",
    "Project",
    "Reporter",
    "Run",
    "RunHistory",
    "RunState",
    "Runner",
    "RunsError",
    "RunsUnreachable",
    "SmartOrchestratorError",
    "SourceRefused",
    "SourceUnreachable",
    "State",
    "TextReporter",
    "Vacuumed",
    "Waiver",
    "WaiverError",
    "Window",
    "WindowError",
    "backfill",
    "check",
    "commit",
    "due",
    "fetch",
    "inspect",
    "load_config",
    "make_plan",
    "open_lake",
    "parse_day",
    "read_frame",
    "read_parts",
    "today_utc",
    "unwaive",
    "vacuum",
    "waive",
    "waivers",
    "watermark",
    "with_volume",
    "write_frame",
]


def python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_public_names_are_these():
    assert sorted(smart_orchestrator.__all__) == sorted(NAMES) == sorted(dir(smart_orchestrator))


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_comes_from_the_module_that_defines_it(name):
    assert getattr(smart_orchestrator, name).__module__.startswith("smart_orchestrator.")
    assert getattr(smart_orchestrator, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'backfil'"):
        _ = smart_orchestrator.backfil


def test_functions_are_not_hidden_by_modules_of_their_name():
    code = (
        "import smart_orchestrator.backfilling.loop, smart_orchestrator.committing.writer\n"
        "from smart_orchestrator.backfilling.loop import INSPECT_SECONDS\n"
        "from smart_orchestrator import backfill, commit\n"
        "print(callable(backfill), callable(commit), INSPECT_SECONDS)"
    )
    assert python(code) == "True True 2.0\n"


@pytest.mark.parametrize(
    "code",
    [
        "import smart_orchestrator",
        "from smart_orchestrator import *",
        "from smart_orchestrator import backfill",
    ],
)
def test_importing_the_layer_loads_nothing_heavy(code):
    heavy = ["airflow", "ibis", "typer", "rich", "polars", "duckdb", "pandas", "numpy", "pyarrow", "httpx2"]
    assert python(f"import sys\n{code}\nprint([name for name in {heavy} if name in sys.modules])") == "[]\n"


def test_importing_the_package_alone_does_not_open_the_store():
    assert python("import sys, smart_orchestrator\nprint('obstore' in sys.modules)") == "False\n"

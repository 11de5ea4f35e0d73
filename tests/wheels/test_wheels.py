"""The two wheels, used outside the checkout: every file is in them, every data file is found, the core needs next to nothing."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from testing.wheels import (
    ROOT,
    SOURCES,
    build,
    data_files,
    data_files_to_read,
    install,
    opened_data_files,
    sources,
)

KINDS = {".css", ".html", ".js", ".json", ".LICENSE", ".sql", ".svg", ".toml", ".typed"}
MOST_PACKAGES = 5


def in_wheel(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def product(built, tmp_path_factory):
    """An environment with both wheels and what the dashboard needs."""
    wheels = built.requirement("smart_orchestrator"), built.requirement("wiki_trends", "web")
    return install(tmp_path_factory.mktemp("product"), *wheels)


@pytest.fixture(scope="module")
def core(built, tmp_path_factory):
    """An environment with the wheel of smart-orchestrator, and none of its extras."""
    return install(tmp_path_factory.mktemp("core"), built.requirement("smart_orchestrator"))


def test_the_data_files_are_of_the_kinds_that_are_known():
    assert {Path(name).suffix for name in data_files()} == KINDS


@pytest.mark.parametrize("package", SOURCES)
def test_a_wheel_holds_every_file_of_its_package_and_no_other(built, package):
    files = in_wheel(built.wheel(package))
    shipped = {name: content for name, content in files.items() if ".dist-info/" not in name}
    assert shipped.keys() == sources(package).keys()
    assert shipped == sources(package)


@pytest.mark.parametrize("package", SOURCES)
def test_a_wheel_holds_its_licence_and_its_readme(built, package):
    files = {
        name.partition(".dist-info/")[2]: content for name, content in in_wheel(built.wheel(package)).items()
    }
    assert files["licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    readme = (SOURCES[package] / "README.md").read_text(encoding="utf-8")
    assert files["METADATA"].decode().endswith(readme)


@pytest.mark.parametrize("package", SOURCES)
def test_an_sdist_holds_every_file_of_its_package(built, package):
    with tarfile.open(built.sdist(package)) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert names >= {f"src/{name}" for name in sources(package)} | {"LICENSE", "README.md", "pyproject.toml"}


@pytest.mark.parametrize(
    ("package", "points"),
    [
        (
            "smart_orchestrator",
            {
                "console_scripts": ["smart-orchestrator"],
                "apache_airflow_provider": ["provider_info"],
                "airflow.plugins": ["dataset_completeness"],
            },
        ),
        ("wiki_trends", {"console_scripts": ["wiki-trends"], "airflow.plugins": ["data_completeness"]}),
    ],
)
def test_a_wheel_has_its_entry_points(built, package, points):
    (text,) = [
        content.decode()
        for name, content in in_wheel(built.wheel(package)).items()
        if name.endswith(".dist-info/entry_points.txt")
    ]
    parser = ConfigParser()
    parser.read_string(text)
    assert {group: list(parser[group]) for group in parser.sections()} == points


def test_the_command_line_runs_outside_the_checkout(product):
    assert "Usage: wiki-trends" in product.run("wiki-trends", "--help")
    assert re.fullmatch(r"wiki-trends \d+\.\d+\.\d+\n", product.run("wiki-trends", "--version"))


def test_the_packages_are_those_of_the_environment(product):
    program = (
        "import smart_orchestrator, wiki_trends; print(smart_orchestrator.__file__, wiki_trends.__file__)"
    )
    for path in product.run("python", "-c", program).split():
        assert Path(path).is_relative_to(product.folder)


def test_every_data_file_is_a_resource_of_the_installed_packages(product):
    program = (
        "import hashlib, json, sys\nfrom importlib.resources import files\n"
        "def digest(name):\n"
        "    package, _, path = name.partition('/')\n"
        "    return hashlib.sha256(files(package).joinpath(path).read_bytes()).hexdigest()\n"
        "print(json.dumps({name: digest(name) for name in json.loads(sys.argv[1])}))"
    )
    wanted = {name: hashlib.sha256(content).hexdigest() for name, content in data_files().items()}
    assert json.loads(product.run("python", "-c", program, json.dumps(sorted(wanted)))) == wanted


@pytest.mark.slow
def test_the_installed_product_reads_every_data_file(product):
    """By the functions that read them, in a run of the demo, its report, and the dashboard's start."""
    assert data_files_to_read() - opened_data_files(product) == set()


def test_the_core_checks_a_lake_with_at_most_five_packages(core):
    """A lake of two days, one committed with a manifest, in an environment with nothing but the wheel."""
    day = core.place / "lake" / "orders" / "dt=2025-11-09"
    day.mkdir(parents=True)
    rows = b"order,amount\n1,20\n2,35\n"
    (day / "part-00000.csv").write_bytes(rows)
    part = {
        "name": "part-00000.csv",
        "size": len(rows),
        "checksum": f"sha256:{hashlib.sha256(rows).hexdigest()}",
        "etag": None,
    }
    manifest = {
        "version": 1,
        "day": "2025-11-09",
        "run_id": "by-hand",
        "parts": [part],
        "rows": 2,
        "columns": ["order", "amount"],
        "volume": None,
        "measured": {},
        "written_at": "2025-11-10T00:00:00+00:00",
    }
    (day / "_SUCCESS").write_text(json.dumps(manifest))
    program = """
import datetime as dt, json
from smart_orchestrator import DailyDataset, Window, check

orders = DailyDataset("orders", "lake", "orders/dt={day:%Y-%m-%d}")
found = check(orders, Window.of_days(2, as_of=dt.date(2025, 11, 10), lag=1))
print(json.dumps([[str(part.day), part.state, part.code, part.rows] for part in found.partitions]))
"""
    assert json.loads(core.run("python", "-c", program)) == [
        ["2025-11-08", "absent", "MISSING", None],
        ["2025-11-09", "complete", "OK", 2],
    ]
    packages = core.installed()
    print(f"{len(packages)} packages: {', '.join(packages)}")
    assert "smart-orchestrator" in packages
    assert len(packages) <= MOST_PACKAGES


def test_every_public_name_of_the_core_is_imported_without_an_extra(core):
    program = (
        "import smart_orchestrator\n"
        "for name in smart_orchestrator.__all__:\n"
        "    getattr(smart_orchestrator, name)\n"
        "print(len(smart_orchestrator.__all__))"
    )
    assert int(core.run("python", "-c", program)) > 0


def test_the_command_without_its_extra_says_what_to_install(core):
    program = (
        "import subprocess\n"
        "done = subprocess.run(['smart-orchestrator', 'check'], capture_output=True, text=True)\n"
        "print(done.returncode, done.stderr)"
    )
    assert core.run("python", "-c", program).strip() == (
        "2 error: typer is not installed. Install the extra: pip install 'smart-orchestrator[console]'."
    )


def test_five_minutes_of_a_newcomer(built, tmp_path_factory):
    """In a fresh environment, on Hive Parquet of another program: init, check, plan and run."""
    wheel = built.requirement("smart_orchestrator", "console", "frames")
    environment = install(tmp_path_factory.mktemp("newcomer"), wheel)
    example = ROOT / "examples" / "hive_parquet"
    subprocess.run([sys.executable, str(example / "make_lake.py")], cwd=environment.place, check=True)
    shutil.copy(example / "etl.py", environment.place)

    command = "python etl.py --day {key}"
    assert "(sure)" in environment.run("smart-orchestrator", "init", "lake", "--command", command)
    window = ("orders", "--start", "2025-11-05", "--end", "2025-11-09")
    plan = json.loads(environment.run("smart-orchestrator", "plan", *window, "--json"))
    assert plan["due"] == plan["missing"] == ["2025-11-06", "2025-11-08"]
    done = json.loads(environment.run("smart-orchestrator", "run", *window, "--json"))
    assert (done["missing"], done["coverage_pct"]) == ([], 100.0)
    assert "coverage 100.0 %" in environment.run("smart-orchestrator", "check", *window)

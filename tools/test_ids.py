"""Compares the tests with the recorded ones: a lost or newly skipped test is a problem.

`tests/test_ids.txt` has a line for every test: the file's name without its folder, so that files can move, and the test's name
with its parameters. A test that may be skipped has the reason after a tab: `recorded` when the recorded answers are missing,
`root` when the rights of root are missing. `python -m tools.test_ids` compares the tests that pytest collects; with the results files of
`pytest --junit-xml` it also compares the skipped tests. `--write` records the collected tests after an intended change.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

from testing.recorded import RECORDED

ROOT = Path(__file__).resolve().parent.parent
_GROUP = re.compile(r"@\w+$")
IDS = {"tests": ROOT / "tests" / "test_ids.txt", "airflow": ROOT / "tests" / "airflow" / "test_ids.txt"}
_ARGUMENTS = {"tests": (), "airflow": ("--confcutdir=tests/airflow", "tests/airflow")}


def collected(suite: str) -> Counter[str]:
    """The tests that pytest finds, each as `test_file::test_name[parameters]`; some have the same name."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--no-header", *_ARGUMENTS[suite]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"pytest cannot collect the tests:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    return Counter(_short(line) for line in done.stdout.splitlines() if "::" in line)


def skipped(results: Path) -> set[str]:
    """The tests that were skipped, by a results file of `pytest --junit-xml`."""
    cases = ET.parse(results).getroot().iter("testcase")  # noqa: S314 - written by pytest a moment ago
    # A test of a group has the group's name behind an `@`.
    return {
        f"{case.get('classname', '').rpartition('.')[2]}::{_GROUP.sub('', case.get('name', ''))}"
        for case in cases
        if case.find("skipped") is not None
    }


def read(suite: str) -> tuple[Counter[str], dict[str, str]]:
    """The recorded tests, and the reason for each that may be skipped."""
    names: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    for line in IDS[suite].read_text(encoding="utf-8").splitlines():
        name, _, reason = line.partition("\t")
        names[name] += 1
        if reason:
            reasons[name] = reason
    return names, reasons


def write(suite: str, now: Counter[str]) -> None:
    """Record the tests that are collected now; the reasons for skipping are kept."""
    reasons = read(suite)[1] if IDS[suite].exists() else {}
    lines = (f"{name}\t{reasons[name]}" if name in reasons else name for name in sorted(now.elements()))
    IDS[suite].write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def problems(suite: str, now: Counter[str], left_out: set[str]) -> list[str]:
    """The lost tests, and those that are skipped without a reason, a line each."""
    names, reasons = read(suite)
    needed = {"recorded": not RECORDED.is_dir(), "root": os.geteuid() != 0}

    def excused(name: str) -> bool:
        # pytest names a test like this when it has no parameters.
        reason = "recorded" if name.endswith("[NOTSET]") else reasons.get(name, "")
        return needed.get(reason, False)

    # Without the recorded answers, the tests that have them as parameters are not collected.
    lost = [f"lost: {name}" for name in sorted((names - now).elements()) if not excused(name)]
    return lost + [f"skipped: {name}" for name in sorted(left_out) if not excused(name)]


def _short(line: str) -> str:
    file, _, name = line.partition("::")
    return f"{Path(file).stem}::{name}"


def main() -> int:
    """Compare, or record; exit code 1 when a test is lost or skipped."""
    parser = argparse.ArgumentParser(prog="python -m tools.test_ids", description=__doc__)
    parser.add_argument("results", nargs="*", type=Path, help="the results files of pytest --junit-xml")
    parser.add_argument("--suite", choices=sorted(IDS), default="tests")
    parser.add_argument("--write", action="store_true", help="record the collected tests")
    options = parser.parse_args()
    now = collected(options.suite)
    if options.write:
        write(options.suite, now)
        return 0
    left_out = {name for results in options.results for name in skipped(results)}
    lines = problems(options.suite, now, left_out)
    for line in lines:
        print(line, file=sys.stderr)
    if lines:
        print("If the change is intended: python -m tools.test_ids --write", file=sys.stderr)
    new = sum((now - read(options.suite)[0]).values())
    print(f"{options.suite}: {sum(now.values())} tests, {new} of them new since they were recorded")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())

"""Compare the tests with a recorded list. A test that was removed, or that is skipped without a recorded reason, is a problem.

`tests/test_ids.txt` has a line for every test: the name of its file without the folder, so that files can be moved, and the name of
the test with its parameters. A tab and a reason follow if the test may be skipped: `recorded` if the recorded responses are missing,
`root` if the tests are not run as root.

`python -m tools.test_ids` compares the tests that pytest collects. With results files of `pytest --junit-xml` it also compares the
skipped tests, and takes the collected tests from the lists that `conftest.py` wrote beside these files. With `--write` it records the
collected tests, after an intended change.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

from testing.recorded import RECORDED

ROOT = Path(__file__).resolve().parent.parent
RECORDED_IDS_FILES = {
    "tests": ROOT / "tests" / "test_ids.txt",
    "airflow": ROOT / "tests" / "airflow" / "test_ids.txt",
}
_ARGUMENTS = {"tests": (), "airflow": ("--confcutdir=tests/airflow", "tests/airflow")}


def collect_tests(suite: str) -> Counter[str]:
    """Return the tests that pytest collects, as `test_file::test_name[parameters]`. Several tests may have the same name."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--no-header", *_ARGUMENTS[suite]]
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if completed.returncode:
        sys.exit(f"pytest cannot collect the tests:\n{completed.stdout[-4000:]}{completed.stderr[-2000:]}")
    return Counter(_test_id(line) for line in completed.stdout.splitlines() if "::" in line)


def listed_tests(results: list[Path]) -> Counter[str]:
    """Return the tests that the test runs of some results files have collected, the deselected tests included."""
    names: Counter[str] = Counter()
    for path in results:
        names.update(
            _test_id(line) for line in path.with_suffix(".ids").read_text(encoding="utf-8").splitlines()
        )
    return names


def skipped_tests(results: Path) -> set[str]:
    """Return the skipped tests in a results file of `pytest --junit-xml`."""
    cases = ET.parse(results).getroot().iter("testcase")  # noqa: S314 - a file that pytest has written, not foreign input
    return {
        f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name', '')}"
        for case in cases
        if case.find("skipped") is not None
    }


def read(suite: str) -> tuple[Counter[str], dict[str, str]]:
    """Return the recorded tests, and the reasons of the tests that may be skipped."""
    recorded: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    for line in RECORDED_IDS_FILES[suite].read_text(encoding="utf-8").splitlines():
        name, _, reason = line.partition("\t")
        recorded[name] += 1
        if reason:
            reasons[name] = reason
    return recorded, reasons


def write(suite: str, current: Counter[str]) -> None:
    """Record the collected tests, and keep the recorded reasons."""
    reasons = read(suite)[1] if RECORDED_IDS_FILES[suite].exists() else {}
    lines = (f"{name}\t{reasons[name]}" if name in reasons else name for name in sorted(current.elements()))
    RECORDED_IDS_FILES[suite].write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def problems(suite: str, current: Counter[str], skipped_names: set[str]) -> list[str]:
    """Return one line for each lost test, and one for each test that is skipped without a reason."""
    recorded, reasons = read(suite)
    reason_applies = {"recorded": not RECORDED.is_dir(), "root": os.geteuid() != 0}

    def may_be_skipped(name: str) -> bool:
        # If the recorded responses are missing, a test with these responses as parameters has no parameters. pytest then adds
        # `[NOTSET]` to the name of the test.
        reason = "recorded" if name.endswith("[NOTSET]") else reasons.get(name, "")
        return reason_applies.get(reason, False)

    # Tests with a recorded response as a parameter are not collected if the recorded responses are missing.
    lost = [f"lost: {name}" for name in sorted((recorded - current).elements()) if not may_be_skipped(name)]
    return lost + [f"skipped: {name}" for name in sorted(skipped_names) if not may_be_skipped(name)]


def _test_id(line: str) -> str:
    file, _, name = line.partition("::")
    return f"{Path(file).stem}::{name}"


def main() -> int:
    """Compare or record the tests. Return exit code 1 if a test is lost, or skipped without a reason."""
    parser = argparse.ArgumentParser(prog="python -m tools.test_ids", description=__doc__)
    parser.add_argument("results", nargs="*", type=Path, help="the results files of pytest --junit-xml")
    parser.add_argument("--suite", choices=sorted(RECORDED_IDS_FILES), default="tests")
    parser.add_argument("--write", action="store_true", help="record the collected tests")
    options = parser.parse_args()
    # The tests with Airflow have a `conftest.py` of their own, which writes no lists.
    listed = options.results and all(path.with_suffix(".ids").exists() for path in options.results)
    current = listed_tests(options.results) if listed else collect_tests(options.suite)
    if options.write:
        write(options.suite, current)
        return 0
    skipped_names = {name for results in options.results for name in skipped_tests(results)}
    lines = problems(options.suite, current, skipped_names)
    for line in lines:
        print(line, file=sys.stderr)
    if lines:
        print("If the change is intended: python -m tools.test_ids --write", file=sys.stderr)
    new = sum((current - read(options.suite)[0]).values())
    print(f"{options.suite}: {sum(current.values())} tests, {new} of them new since they were recorded")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())

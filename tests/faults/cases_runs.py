# ruff: noqa: ARG001 - arrangements and expectations take what they are given
"""Faults of runs: days that are not expected, runs that cannot start, and damaged files in the state folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testing.faults import DAY, WINDOW, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from testing.faults import CommandResult, Scene

EARLY = ("--start", "2015-06-29", "--end", "2015-06-30", "--as-of", "2025-11-12")
OVER_THE_START = ("--start", "2015-06-30", "--end", "2015-07-01", "--as-of", "2025-11-12")
HISTORY, STATE, LIMITS = (
    "days before the upstream's history",
    "one fault stays one fault: runs.sqlite",
    "degenerate values are refused",
)
NOTHING = ("absent", "BEYOND_UPSTREAM_HISTORY")


def nothing(scene: Scene) -> None:
    """Leave the lake empty."""


def state(data: bytes, *, name: str = "runs.sqlite") -> Callable[[Scene], None]:
    """Return a function that writes these bytes to a file of the state folder."""

    def arrange(scene: Scene) -> None:
        scene.environ["WIKI_TRENDS_STATE"] = str(scene.folder / "state")
        (scene.folder / "state").mkdir()
        (scene.folder / "state" / name).write_bytes(data)

    return arrange


def state_is_a_folder(scene: Scene) -> None:
    scene.environ["WIKI_TRENDS_STATE"] = str(scene.folder / "state")
    (scene.folder / "state" / "runs.sqlite").mkdir(parents=True)


def other_tables(scene: Scene) -> None:
    """Create the database of another program, with a table that has the same name as a table of the product."""
    import sqlite3

    state(b"")(scene)
    with sqlite3.connect(scene.folder / "state" / "runs.sqlite") as database:
        database.execute("CREATE TABLE runs (id INTEGER, athlete TEXT)")
    database.close()


def bad_row(scene: Scene) -> None:
    """Create a ledger of the product with a row that the product would not write."""
    import sqlite3

    from smart_orchestrator.runners.ledger import Ledger
    from smart_orchestrator.runners.local import dataset_identifier
    from wiki_trends.config.layers import layers
    from wiki_trends.config.settings import Settings

    state(b"")(scene)
    dataset = layers(Settings(lake=scene.lake_url)).diamond
    with Ledger(scene.folder / "state").connection():
        pass
    with sqlite3.connect(scene.folder / "state" / "runs.sqlite") as database:
        database.execute(
            "INSERT INTO runs (dataset, day, attempt, state, process, started_at) VALUES (?, ?, 1, 'asleep', 1, 'x')",
            (dataset_identifier(dataset), DAY.isoformat()),
        )
    database.close()


def state_stays(scene: Scene, ended: CommandResult) -> None:
    path = scene.folder / "state" / "runs.sqlite"
    assert path.is_dir() or path.read_bytes()[:9] in (b"not a dat", b"SQLite fo")
    assert str(path) in ended.err


def beyond(scene: Scene, ended: CommandResult) -> None:
    assert (ended.json["expected"], ended.json["missing"]) == ([], [])
    assert ended.json["ready"] is False


def not_due(scene: Scene, ended: CommandResult) -> None:
    assert (ended.json["due"], ended.json["missing"]) == (["2015-07-01"], ["2015-07-01"])
    assert ended.json["days"][0]["action"] == "keep"


def nothing_started(scene: Scene, ended: CommandResult) -> None:
    assert (ended.json["runs_started"], ended.json["failed"]) == ([], [])


DAMAGED = b"SQLite format 3\0" + b"\xff" * 4096
SAYS = (r"runs\.sqlite", r"[Mm]ove the file away")
CASES: list[Fault] = [
    Fault("history-check", HISTORY, nothing, ("check", *EARLY, "--json"), 1, NOTHING, expect=beyond),
    Fault("history-plan", HISTORY, nothing, ("plan", *OVER_THE_START, "--json"), 0, expect=not_due),
    Fault("history-backfill", HISTORY, nothing, ("backfill", *EARLY, "--json"), 1, expect=nothing_started),
    Fault(
        "history-fetch",
        HISTORY,
        nothing,
        ("fetch", "2015-06-30", "--json"),
        2,
        output_patterns=("2015-07-01",),
    ),
    *(
        Fault(
            f"{name}-{command[0]}",
            STATE,
            arrange,
            command,
            3,
            output_patterns=SAYS,
            stores=("local",),
            expect=state_stays,
        )
        for name, arrange in (
            ("state-is-not-a-database", state(b"not a database, whatever its name says" * 100)),
            ("state-is-damaged", state(DAMAGED)),
            ("state-is-a-folder", state_is_a_folder),
            ("state-of-another-program", other_tables),
            ("state-with-a-bad-row", bad_row),
        )
        for command in (
            ("check", *WINDOW, "--json"),
            ("plan", *WINDOW, "--json"),
            ("backfill", *WINDOW, "--json"),
        )
    ),
    *(
        Fault(
            f"refused-{option[2:]}-{value}", LIMITS, nothing, (command, *WINDOW, option, value, "--json"), 2
        )
        for command, option, value in (
            ("backfill", "--jobs", "-1"),
            ("backfill", "--attempts", "-1"),
            ("backfill", "--timeout", "nan"),
            ("check", "--min-coverage", "nan"),
            ("check", "--min-coverage", "101"),
        )
    ),
]

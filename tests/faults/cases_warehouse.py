"""Faults of the warehouse and of output files: databases that cannot be used, and files that must not be replaced."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from smart_orchestrator.checking import check
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.model.window import Window
from testing.faults import DAY, SECRET, WINDOW, Fault
from testing.window_data import TYPES, row
from wiki_trends.analytics.analyze import analyze
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import Settings
from wiki_trends.warehouse import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from testing.faults import CommandResult, Scene

HARM = "nothing foreign is harmed"
ONE = "one fault stays one fault"
HIDDEN = "the dashboard under attack"
REPORT = ("report", "--html", "report.html")
EXPORT = ("export", "wiki_trends_timeseries", "--output")
HEADER = "page,page_display,date,views"


def file_of(scene: Scene) -> Path:
    path = scene.folder / "data" / "warehouse.duckdb"
    path.parent.mkdir(exist_ok=True)
    return path


def published(scene: Scene) -> None:
    """Commit, analyse and publish a day."""
    scene.commit()
    dataset = layers(Settings(lake=scene.lake_url)).diamond
    completeness = check(dataset, Window.between(DAY, DAY, DAY.replace(day=12), 3))
    analyze(dataset, completeness, open_warehouse(f"duckdb:///{file_of(scene)}"))


def with_bytes(change: Callable[[bytes], bytes]) -> Callable[[Scene], None]:
    """Return a function that publishes a day, and changes the file of the warehouse."""

    def arrange(scene: Scene) -> None:
        published(scene)
        path = file_of(scene)
        data = change(path.read_bytes())
        path.write_bytes(data)
        path.with_name("before").write_bytes(data)

    return arrange


def warehouse_stays(scene: Scene, _: CommandResult) -> None:
    path = file_of(scene)
    assert path.read_bytes() == path.with_name("before").read_bytes()


def with_statement(statement: str) -> Callable[[Scene], None]:
    """Return a function that commits a day, and executes a statement in the warehouse."""

    def arrange(scene: Scene) -> None:
        scene.commit()
        with duckdb.connect(file_of(scene)) as connection:
            connection.execute(statement)

    return arrange


def damaged_runs(scene: Scene) -> None:
    published(scene)
    with duckdb.connect(file_of(scene)) as connection:
        connection.execute("UPDATE wiki_trends_runs SET fingerprints = '{'")


def users_table_stays(scene: Scene, _: CommandResult) -> None:
    with duckdb.connect(file_of(scene), read_only=True) as connection:
        assert connection.execute("SELECT mine FROM wiki_trends_growth").fetchall() == [(7,)]


def made(make: Callable[[Path], None]) -> Callable[[Scene], None]:
    return lambda scene: make(file_of(scene))


def connecting_to(url: str) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        scene.environ["WIKI_TRENDS_WAREHOUSE"] = url

    return arrange


def linked_report(scene: Scene) -> None:
    published(scene)
    (scene.folder / "real.html").write_bytes(b"")
    (scene.folder / "report.html").symlink_to("real.html")


def link_is_followed(scene: Scene, _: CommandResult) -> None:
    assert (scene.folder / "report.html").is_symlink()
    assert b"<!doctype html>" in (scene.folder / "real.html").read_bytes()[:200]


def shared_report(scene: Scene) -> None:
    published(scene)
    (scene.folder / "report.html").write_bytes(b"")
    (scene.folder / "report.html").chmod(0o664)


def mode_stays(scene: Scene, _: CommandResult) -> None:
    assert stat.S_IMODE((scene.folder / "report.html").stat().st_mode) == 0o664


def users_export(scene: Scene) -> None:
    published(scene)
    (scene.folder / "out.csv").write_bytes(b"mine")


def users_export_stays(scene: Scene, _: CommandResult) -> None:
    assert (scene.folder / "out.csv").read_bytes() == b"mine"


def table_on_stdout(_: Scene, ended: CommandResult) -> None:
    assert ended.out.startswith(HEADER)
    assert len(ended.out.splitlines()) == 4


def null_stays(_: Scene, __: CommandResult) -> None:
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)  # noqa: PTH116 - the device itself


def foreign_links(scene: Scene) -> None:
    dataset = layers(Settings(lake=scene.lake_url)).diamond
    link = "https://en.wikipedia.org@evil.example/wiki/A"
    write_frame(dataset, DAY, pl.DataFrame([row("A", 100, link=link)], schema=TYPES))
    completeness = check(dataset, Window.between(DAY, DAY, DAY.replace(day=12), 3))
    analyze(dataset, completeness, open_warehouse(f"duckdb:///{file_of(scene)}"))


def links_nowhere(scene: Scene, _: CommandResult) -> None:
    assert "evil.example" not in (scene.folder / "report.html").read_text(encoding="utf-8")


CASES: list[Fault] = [
    Fault(
        "warehouse-is-text",
        ONE,
        with_bytes(lambda _: b"not a database"),
        ("report", "--json"),
        3,
        output_patterns=("not a DuckDB database",),
        stores=("local",),
        expect=warehouse_stays,
    ),
    Fault(
        "warehouse-is-cut",
        ONE,
        with_bytes(lambda data: data[: len(data) // 2]),
        ("report", "--json"),
        3,
        output_patterns=("the file is damaged",),
        stores=("local",),
        expect=warehouse_stays,
    ),
    Fault(
        "analyze-into-a-cut-warehouse",
        ONE,
        with_bytes(lambda data: data[: len(data) // 2]),
        ("analyze", *WINDOW, "--json"),
        3,
        output_patterns=("the file is damaged",),
        expect=warehouse_stays,
    ),
    Fault(
        "warehouse-is-a-folder",
        ONE,
        made(lambda path: path.mkdir()),
        ("report", "--json"),
        3,
        output_patterns=("it is a folder",),
        stores=("local",),
    ),
    Fault(
        "warehouse-is-a-fifo",
        ONE,
        made(os.mkfifo),
        ("top", "--json"),
        3,
        output_patterns=("not a regular file",),
        stores=("local",),
    ),
    Fault(
        "runs-of-somebody-else",
        HARM,
        with_statement("CREATE TABLE wiki_trends_runs AS SELECT 1 AS mine"),
        ("report", "--json"),
        3,
        output_patterns=("was not published by wiki-trends",),
        stores=("local",),
    ),
    Fault(
        "runs-that-are-no-json",
        ONE,
        damaged_runs,
        ("report", "--json"),
        3,
        output_patterns=("does not describe a published window",),
        stores=("local",),
    ),
    Fault(
        "users-own-table-in-the-way",
        HARM,
        with_statement("CREATE TABLE wiki_trends_growth AS SELECT 7 AS mine"),
        ("analyze", *WINDOW, "--json"),
        3,
        output_patterns=("wiki_trends_growth is there already",),
        expect=users_table_stays,
    ),
    Fault(
        "password-of-a-server-that-is-down",
        HIDDEN,
        connecting_to(f"postgresql://me:{SECRET}@127.0.0.1:9/trends"),
        ("report", "--json"),
        3,
        output_patterns=("postgresql://127.0.0.1:9/trends",),
        stores=("local",),
    ),
    Fault(
        "password-that-is-not-encoded",
        HIDDEN,
        connecting_to(f"postgresql://me:{SECRET}@@host/trends"),
        ("report", "--json"),
        2,
        output_patterns=("the URL cannot be read",),
        stores=("local",),
    ),
    Fault(
        "password-among-the-parameters",
        HIDDEN,
        connecting_to(f"postgresql://127.0.0.1:9/trends?password={SECRET}&sslpassword={SECRET}"),
        ("top", "--json"),
        3,
        output_patterns=("postgresql://127.0.0.1:9/trends",),
        stores=("local",),
    ),
    Fault(
        "report-through-a-link",
        HARM,
        linked_report,
        REPORT,
        0,
        stores=("local",),
        expect=link_is_followed,
    ),
    Fault("report-keeps-the-mode", HARM, shared_report, REPORT, 0, stores=("local",), expect=mode_stays),
    Fault(
        "export-to-stdout-by-name",
        HARM,
        published,
        (*EXPORT, "/dev/stdout"),
        0,
        stores=("local",),
        expect=table_on_stdout,
    ),
    Fault(
        "report-to-the-null-device",
        HARM,
        published,
        ("report", "--html", "/dev/null"),
        0,
        stores=("local",),
        expect=null_stays,
    ),
    Fault(
        "export-to-a-full-device",
        HARM,
        published,
        (*EXPORT, "/dev/full"),
        1,
        output_patterns=("No space left on device",),
        stores=("local",),
    ),
    Fault(
        "export-over-a-users-file",
        HARM,
        users_export,
        (*EXPORT, "out.csv"),
        2,
        output_patterns=("is there already",),
        stores=("local",),
        expect=users_export_stays,
    ),
    Fault(
        "export-to-a-folder",
        HARM,
        published,
        (*EXPORT, "."),
        2,
        output_patterns=("is a folder",),
        stores=("local",),
    ),
    Fault("links-to-another-host", HIDDEN, foreign_links, REPORT, 0, stores=("local",), expect=links_nowhere),
]

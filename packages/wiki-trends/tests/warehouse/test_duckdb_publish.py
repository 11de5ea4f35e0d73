import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import duckdb
import polars as pl
import pytest

from testing.permissions import read_only
from testing.window_data import run_record
from wiki_trends.errors import NothingPublished, TableFailed, WarehouseError
from wiki_trends.warehouse import open_warehouse
from wiki_trends.warehouse.duckdb import warehouse as duckdb_file


def tables(marker, rows=3):
    frame = pl.DataFrame({"marker": [marker] * rows, "text": ["é"] * rows})
    return {"wiki_trends_timeseries": frame, "wiki_trends_growth": frame.head(1)}


def markers(warehouse):
    with warehouse.reading() as reader:
        return [item["marker"] for item in reader.rows("SELECT marker FROM wiki_trends_timeseries")]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some" / "w.duckdb"


@pytest.fixture
def warehouse(path):
    return open_warehouse(f"duckdb:///{path}")


@pytest.fixture
def published(warehouse):
    warehouse.publish(tables(1), run_record())
    return warehouse


def sql_in(path, *statements, read_only=False):
    with duckdb.connect(path, read_only=read_only, config={"autoload_known_extensions": False}) as connection:
        return [connection.execute(statement).fetchall() for statement in statements][-1]


def test_the_first_publish_makes_folder_and_file(warehouse, path):
    done = warehouse.publish(tables(1), run_record())
    assert done.rows == {"wiki_trends_timeseries": 3, "wiki_trends_growth": 1}
    assert markers(warehouse) == [1, 1, 1]
    assert sorted(item.name for item in path.parent.iterdir()) == [".w.duckdb.lock", "w.duckdb"]


def test_a_publish_replaces_the_rows_and_adds_a_run(published):
    published.publish(tables(2, rows=2), run_record(version="0.0.1"))
    assert markers(published) == [2, 2]
    with published.reading() as reader:
        assert [item["version"] for item in reader.rows("FROM wiki_trends_runs ORDER BY run")] == [
            "0.0.0",
            "0.0.1",
        ]
        assert reader.last_run().rows == {"wiki_trends_timeseries": 2, "wiki_trends_growth": 1}


def scores(start, *pages, **others):
    columns = {"dataset": "diamond", "window_start": start, "window_end": start, "page": pages, **others}
    return {"wiki_trends_scores": pl.DataFrame(columns)}


def test_scores_of_other_windows_and_datasets_stay(warehouse):
    warehouse.publish(scores(1, "A", "B"), run_record())
    warehouse.publish(scores(2, "A"), run_record())
    french = scores(1, "F", dataset="diamond of fr.wikipedia")
    warehouse.publish(french, run_record(dataset="diamond of fr.wikipedia"))
    done = warehouse.publish(scores(1, "C"), run_record())
    with warehouse.reading() as reader:
        rows = reader.rows("SELECT window_start AS start, page FROM wiki_trends_scores ORDER BY ALL")
    assert [(item["start"], item["page"]) for item in rows] == [(1, "C"), (1, "F"), (2, "A")]
    assert done.rows == {"wiki_trends_scores": 1}


def test_a_table_that_is_kept_takes_columns_that_a_newer_version_adds(warehouse):
    warehouse.publish(scores(1, "A"), run_record())
    warehouse.publish(scores(2, "B", momentum=1.5), run_record())
    with warehouse.reading() as reader:
        rows = reader.rows("SELECT page, momentum FROM wiki_trends_scores ORDER BY page")
    assert rows == [{"page": "A", "momentum": None}, {"page": "B", "momentum": 1.5}]


def test_days_of_one_dataset_add_up_and_those_of_another_replace_them(warehouse):
    def days(*pairs):
        return {"wiki_diamond": pl.DataFrame(pairs, schema=["date", "page"], orient="row")}

    def days_and_pages():
        with warehouse.reading() as reader:
            rows = reader.rows("SELECT date, page FROM wiki_diamond ORDER BY ALL")
        return [(item["date"], item["page"]) for item in rows]

    warehouse.publish(days((1, "A"), (2, "A"), (2, "B")), run_record())
    warehouse.publish(days((2, "C"), (3, "A")), run_record())
    assert days_and_pages() == [(1, "A"), (2, "C"), (3, "A")]
    warehouse.publish(days((2, "F")), run_record(dataset="diamond of fr.wikipedia"))
    assert days_and_pages() == [(2, "F")]


def test_a_run_of_an_earlier_version_can_be_followed_by_one_with_more_columns(published, path):
    sql_in(path, "ALTER TABLE wiki_trends_runs DROP COLUMN seconds")
    sql_in(path, "ALTER TABLE wiki_trends_runs DROP COLUMN baseline")
    sql_in(path, "ALTER TABLE wiki_trends_runs DROP COLUMN states")
    with published.reading() as reader:
        assert (reader.last_run().baseline, reader.last_run().seconds) == ({}, 0.0)
        assert reader.last_run().states == {}
    published.publish(tables(2), run_record(baseline={"2025-10-01": "f"}, seconds=1.5))
    with published.reading() as reader:
        assert (reader.last_run().baseline, reader.last_run().seconds) == ({"2025-10-01": "f"}, 1.5)


def test_values_are_bound_not_written_into_the_query(published):
    with published.reading() as reader:
        assert reader.rows("SELECT ? AS value, ? AS other", "'; DROP TABLE x", 2) == [
            {"value": "'; DROP TABLE x", "other": 2}
        ]


def test_what_the_user_keeps_in_the_file_survives(published, path):
    sql_in(
        path,
        "CREATE TABLE mine AS SELECT 42 AS answer",
        "CREATE VIEW top AS SELECT marker FROM wiki_trends_timeseries LIMIT 1",
        "COMMENT ON TABLE wiki_trends_timeseries IS 'ours, annotated'",
        "CREATE SCHEMA other",
        "CREATE TABLE other.wiki_trends_timeseries AS SELECT 7 AS seven",
    )
    published.publish(tables(2), run_record())
    with published.reading() as reader:
        assert reader.rows(
            "SELECT answer, marker, seven FROM mine, top, other.wiki_trends_timeseries LIMIT 1"
        ) == [{"answer": 42, "marker": 2, "seven": 7}]
        comment = "SELECT comment FROM duckdb_tables() WHERE table_name = 'wiki_trends_timeseries' AND schema_name = 'main'"
        assert reader.rows(comment) == [{"comment": "ours, annotated"}]


def test_a_table_whose_columns_changed_is_made_anew(published):
    changed = {"wiki_trends_timeseries": pl.DataFrame({"other": ["x"]})}
    published.publish(changed, run_record())
    with published.reading() as reader:
        assert reader.rows("FROM wiki_trends_timeseries") == [{"other": "x"}]


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
@pytest.mark.parametrize("name", ["wiki_trends_timeseries", "Wiki_Trends_Timeseries", "wiki_trends_runs"])
def test_a_table_or_view_of_the_users_own_with_our_name_is_refused(warehouse, path, name, kind):
    path.parent.mkdir()
    sql_in(path, f"CREATE {kind} {name} AS SELECT 'mine' AS whose")
    with pytest.raises(WarehouseError, match=rf"{name.lower()} is there already.* Rename your own") as caught:
        warehouse.publish(tables(1), run_record())
    assert "not published by wiki-trends" in caught.value.problem
    assert sql_in(path, f"FROM {name}") == [("mine",)]


def test_a_view_in_place_of_a_table_that_was_ours_is_refused(published, path):
    sql_in(path, "DROP TABLE wiki_trends_growth", "CREATE VIEW wiki_trends_growth AS SELECT 'mine' AS whose")
    with pytest.raises(WarehouseError, match="wiki_trends_growth is there already"):
        published.publish(tables(2), run_record())
    assert markers(published) == [1, 1, 1]


def test_a_file_of_a_newer_version_is_neither_read_nor_replaced(published, path):
    sql_in(path, "UPDATE wiki_trends_runs SET schema_version = 99")
    for use in (lambda: markers(published), lambda: published.publish(tables(2), run_record())):
        with pytest.raises(WarehouseError, match=r"schema 99, this one knows 1.* Update wiki-trends"):
            use()


def test_a_file_that_is_no_database_is_left_as_it_is(warehouse, path):
    path.parent.mkdir()
    path.write_text("a letter to a friend\n" * 300)
    for use in (lambda: markers(warehouse), lambda: warehouse.publish(tables(1), run_record())):
        with pytest.raises(WarehouseError, match=r"not a DuckDB database.* Name another file"):
            use()
    assert path.read_text().startswith("a letter")
    assert not list(path.parent.glob(".*publishing*"))


def test_nothing_published_is_not_an_empty_report(warehouse, path):
    with pytest.raises(NothingPublished, match="wiki-trends run"), warehouse.reading():
        pass
    path.parent.mkdir()
    sql_in(path, "CREATE TABLE mine AS SELECT 1 AS one")
    with pytest.raises(NothingPublished), warehouse.reading():
        pass


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").touch()
    warehouse = open_warehouse(f"duckdb:///{tmp_path}/file/w.duckdb")
    with pytest.raises(WarehouseError, match=re.escape(str(tmp_path / "file"))):
        warehouse.publish(tables(1), run_record())


def test_a_folder_without_the_right_to_write_is_refused(tmp_path):
    with (
        read_only(tmp_path / "refused") as folder,
        pytest.raises(WarehouseError, match=r"cannot be written or read\. Give this user permission"),
    ):
        open_warehouse(f"duckdb:///{folder}/w.duckdb").publish(tables(1), run_record())


def test_a_failing_publish_leaves_the_old_tables_and_no_file(published, path):
    broken = {"wiki_trends_timeseries": pl.DataFrame({"marker": [2]}), "wiki_trends_growth": object()}
    with pytest.raises(TableFailed, match="AttributeError"):
        published.publish(broken, run_record())
    assert markers(published) == [1, 1, 1]
    assert sorted(item.name for item in path.parent.iterdir()) == [".w.duckdb.lock", "w.duckdb"]


def test_what_a_killed_publisher_left_is_removed(published, path):
    for ending in ("", ".wal"):
        (path.parent / f".w.duckdb.123.publishing{ending}").write_text("half")
    published.publish(tables(2), run_record())
    assert sorted(item.name for item in path.parent.iterdir()) == [".w.duckdb.lock", "w.duckdb"]


_WRITE = """
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("PRAGMA wal_autocheckpoint='1TB'")
connection.execute("CREATE TABLE mine AS SELECT 42 AS answer")
print("written", flush=True)
if sys.argv[2] == "die":
    os._exit(9)
sys.stdin.readline()
connection.close()
"""


def user_process(path, how):
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITE, str(path), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    return process


def test_changes_that_lie_beside_the_file_are_folded_in(published, path):
    with user_process(path, "die") as process:
        assert process.wait() == 9
    assert path.with_name("w.duckdb.wal").exists()
    published.publish(tables(2), run_record())
    assert markers(published) == [2, 2, 2]
    assert sql_in(path, "FROM mine", read_only=True) == [(42,)]
    assert not path.with_name("w.duckdb.wal").exists()


def test_a_file_that_a_user_is_writing_to_is_not_replaced_under_their_hands(published, path):
    with user_process(path, "wait") as process:
        with pytest.raises(WarehouseError, match=r"another process has it open for writing\. Close it there"):
            published.publish(tables(2), run_record())
        process.communicate("\n")
    published.publish(tables(2), run_record())
    assert sql_in(path, "FROM mine", read_only=True) == [(42,)]


def test_a_reader_goes_on_with_the_window_that_it_opened(published):
    with published.reading() as reader:
        published.publish(tables(2), run_record())
        assert reader.rows("SELECT DISTINCT marker FROM wiki_trends_timeseries") == [{"marker": 1}]
    assert markers(published) == [2, 2, 2]


def test_a_publish_while_a_reader_opens_the_file_makes_it_open_anew(published, monkeypatch):
    opened, connect = [], duckdb_file.connect

    def interrupted(path, *, read_only=False):
        connection = connect(path, read_only=read_only)
        if not opened:
            opened.append(path)
            published.publish(tables(2), run_record())
        return connection

    monkeypatch.setattr(duckdb_file, "connect", interrupted)
    assert markers(published) == [2, 2, 2]


def test_publishers_queue(published):
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda marker: published.publish(tables(marker), run_record()), range(10, 16)))
    with published.reading() as reader:
        assert reader.rows(
            "SELECT count(*) AS runs, count(DISTINCT run) AS numbers FROM wiki_trends_runs"
        ) == [{"runs": 7, "numbers": 7}]


def test_a_link_stays_a_link(tmp_path):
    target = tmp_path / "target.duckdb"
    link = tmp_path / "link.duckdb"
    link.symlink_to(target)
    open_warehouse(f"duckdb:///{link}").publish(tables(1), run_record())
    assert link.is_symlink()
    assert markers(open_warehouse(f"duckdb:///{target}")) == [1, 1, 1]


def test_the_url_is_relative_with_three_slashes_and_absolute_with_four(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    relative = open_warehouse("duckdb:///data/w.duckdb")
    relative.publish(tables(1), run_record())
    assert relative.url == "duckdb:///data/w.duckdb"
    assert markers(open_warehouse(f"duckdb:///{tmp_path}/data/w.duckdb")) == [1, 1, 1]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://me:secret@host/db", "mysql://….*not the URL of a warehouse. Use duckdb:///FILE"),
        ("w.duckdb", "not the URL of a warehouse"),
        ("duckdb:///", "not the URL of a warehouse"),
    ],
)
def test_other_warehouses_are_refused_without_showing_a_password(url, message):
    with pytest.raises(WarehouseError, match=message) as caught:
        open_warehouse(url)
    assert "secret" not in str(caught.value)

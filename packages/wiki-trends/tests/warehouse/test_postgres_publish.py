"""Publish to a real PostgreSQL: written rows, kept objects of the user, refusals."""

import datetime as dt
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import polars as pl
import psycopg
import pytest

from smart_orchestrator.expected_error import USAGE
from testing.dashboard import eventually
from testing.pg_server import PROGRAMS, postgres_server
from testing.window_data import day_number, run_record
from wiki_trends.errors import NothingPublished, WarehouseError, WarehouseUrlError
from wiki_trends.warehouse import open_warehouse
from wiki_trends.warehouse.postgres import tables as postgres_tables

SERIES, GROWTH, RUNS = "wiki_trends_timeseries", "wiki_trends_growth", "wiki_trends_runs"
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'wiki-trends'"


def tables(marker, pages=3, **others):
    names = [f"é_{number}" for number in range(pages)]
    frame = pl.DataFrame({"page": names, "date": day_number(0), "views": marker})
    return {SERIES: frame, GROWTH: frame.select("page", "views").head(1), **others}


def scores(dataset, start, *pages):
    return pl.DataFrame(
        {
            "dataset": dataset,
            "window_start": day_number(start),
            "window_end": day_number(start),
            "page": pages,
        }
    )


def run_of(marker, **others):
    return run_record(fingerprints={"2025-11-05": str(marker)}, **others)


def markers(warehouse, table=SERIES):
    with warehouse.reading() as reader:
        return [item["views"] for item in reader.rows(f"SELECT views FROM {table} ORDER BY page")]


@pytest.fixture
def warehouse(postgres_url):
    return open_warehouse(postgres_url)


@pytest.fixture
def published(warehouse):
    warehouse.publish(tables(1), run_of(1))
    return warehouse


@pytest.fixture
def sql(postgres_url):
    """Run statements of a user, and return the rows of the last one."""

    def run(*statements):
        with psycopg.connect(postgres_url) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    return run


OLDEST, *OTHERS = sorted(PROGRAMS)


@pytest.mark.parametrize(
    "version", [OLDEST, *(pytest.param(other, marks=pytest.mark.long) for other in OTHERS)]
)
def test_every_version_of_postgresql_takes_a_publish_and_the_next(version):
    with postgres_server(version) as server:
        warehouse = open_warehouse(server.new_database())
        done = warehouse.publish(tables(1), run_of(1))
        assert done.rows == {SERIES: 3, GROWTH: 1}
        warehouse.publish(tables(2, pages=2), run_of(2))
        assert markers(warehouse) == [2, 2]
        with warehouse.reading() as reader:
            assert reader.last_run() == run_of(2, rows={SERIES: 2, GROWTH: 1})


@pytest.mark.usefixtures("published")
def test_tables_are_made_with_types_keys_and_comments(sql):
    types = (
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = '%s'"
    )
    assert sql(types % SERIES) == [
        ("page", "text", "NO"),
        ("date", "date", "NO"),
        ("views", "integer", "NO"),
    ]
    with pytest.raises(psycopg.errors.UniqueViolation):
        sql(f"INSERT INTO {SERIES} SELECT * FROM {SERIES}")
    assert "A row for each listed page and day" in sql(f"SELECT obj_description('{SERIES}'::regclass)")[0][0]
    assert sql(f"SELECT col_description('{SERIES}'::regclass, 2)") == [("UTC day.",)]
    assert sql(f"SELECT obj_description('{RUNS}'::regclass)")[0][0]
    indexes = f"SELECT indexdef FROM pg_indexes WHERE tablename = '{SERIES}' ORDER BY 1"
    assert [definition.partition(" USING ")[2] for (definition,) in sql(indexes)] == [
        "btree (page, date)",
        "btree (date, page)",
    ]


@pytest.mark.usefixtures("published")
def test_an_index_and_comments_that_an_earlier_version_did_not_make_are_added(warehouse, sql):
    index = f"SELECT count(*) FROM pg_indexes WHERE indexname = '{SERIES}_page_date'"
    sql(f"COMMENT ON COLUMN {SERIES}.date IS NULL", f"DROP INDEX {SERIES}_page_date")
    warehouse.publish(tables(2), run_of(2))
    assert sql(index) == [(1,)]
    assert sql(f"SELECT col_description('{SERIES}'::regclass, 2)") == [("UTC day.",)]


def written(sql):
    """The version and position of each row, which change when the row is written."""
    return {name: sql(f"SELECT xmin::text, ctid::text FROM {name}") for name in (SERIES, GROWTH, RUNS)}


def test_publishing_the_same_again_writes_nothing(published, sql):
    before = written(sql)
    again = published.publish(tables(1), run_of(1, published_at=dt.datetime.now(tz=dt.UTC)))
    assert written(sql) == before
    assert again == run_of(1, rows={SERIES: 3, GROWTH: 1})


def test_only_rows_that_differ_are_written(published, sql):
    first, changed = tables(1), tables(1)
    first[SERIES] = first[SERIES].with_columns(latitude=pl.Series([1.0, 1.0, 1.0]))
    changed[SERIES] = changed[SERIES].with_columns(latitude=pl.Series([1.0, 9.0, None]))
    published.publish(first, run_of(2))
    before = written(sql)
    published.publish(changed, run_of(3))
    after = written(sql)
    assert sql(f"SELECT latitude FROM {SERIES} ORDER BY page") == [(1.0,), (9.0,), (None,)]
    assert len(set(before[SERIES]) & set(after[SERIES])) == 1
    assert after[GROWTH] == before[GROWTH]
    assert len(after[RUNS]) == len(before[RUNS]) + 1


def test_a_day_that_was_changed_by_hand_is_right_again_after_the_same_publish(published, sql):
    sql(f"UPDATE {SERIES} SET views = 7 WHERE page = 'é_1'", f"DELETE FROM {GROWTH}")
    published.publish(tables(1), run_of(1))
    assert markers(published) == [1, 1, 1]
    assert markers(published, GROWTH) == [1]


def test_views_grants_comments_columns_and_tables_of_the_users_survive(published, sql):
    sql(
        "CREATE ROLE analyst LOGIN PASSWORD 'x'",
        f"CREATE VIEW top AS SELECT page, views FROM {SERIES} ORDER BY views LIMIT 1",
        f"CREATE MATERIALIZED VIEW kept AS SELECT views FROM {SERIES}",
        f"GRANT SELECT ON {SERIES} TO analyst",
        f"COMMENT ON TABLE {SERIES} IS 'annotated'",
        f"COMMENT ON COLUMN {SERIES}.views IS 'annotated too'",
        f"ALTER TABLE {SERIES} ADD COLUMN note text DEFAULT 'mine'",
        f"CREATE INDEX ON {SERIES} (views)",
        "CREATE TABLE mine AS SELECT 42 AS answer",
    )
    try:
        published.publish(tables(2, pages=4), run_of(2))
        assert sql("SELECT views, note FROM top JOIN wiki_trends_timeseries USING (page, views)") == [
            (2, "mine")
        ]
        assert sql("SELECT count(*) FROM kept, mine") == [(3,)]
        assert sql(f"SELECT has_table_privilege('analyst', '{SERIES}', 'SELECT')") == [(True,)]
        assert sql(
            f"SELECT obj_description('{SERIES}'::regclass), col_description('{SERIES}'::regclass, 3)"
        ) == [("annotated", "annotated too")]
    finally:
        sql("DROP OWNED BY analyst", "DROP ROLE analyst")


def test_tables_that_outlast_a_window_keep_the_rows_of_the_others(warehouse):
    def publish(marker, dataset, frame):
        day = pl.DataFrame({"page": ["A"], "date": [day_number(marker)], "views": [marker]})
        run = run_of(marker, dataset=dataset)
        warehouse.publish({"wiki_trends_scores": frame, "wiki_diamond": day}, run)
        with warehouse.reading() as reader:
            rows = reader.rows("SELECT dataset, window_start, page FROM wiki_trends_scores ORDER BY 1, 2, 3")
            days = reader.rows("SELECT views FROM wiki_diamond ORDER BY date")
        return [(item["dataset"], item["page"]) for item in rows], [item["views"] for item in days]

    assert publish(1, "en", scores("en", 1, "A", "B")) == ([("en", "A"), ("en", "B")], [1])
    assert publish(2, "en", scores("en", 2, "A")) == ([("en", "A"), ("en", "B"), ("en", "A")], [1, 2])
    assert publish(3, "en", scores("en", 1, "C")) == ([("en", "C"), ("en", "A")], [1, 2, 3])
    # Rows by day do not name their dataset, so those of another dataset are deleted.
    assert publish(4, "fr", scores("fr", 1, "D")) == ([("en", "C"), ("en", "A"), ("fr", "D")], [4])


def test_columns_of_a_newer_version_are_added(published, sql):
    newer = tables(2)
    newer[SERIES] = newer[SERIES].with_columns(category=pl.lit("Sports"))
    sql(f"CREATE VIEW top AS SELECT * FROM {SERIES}", f"ALTER TABLE {RUNS} DROP COLUMN seconds")
    published.publish(newer, run_of(2))
    assert sql(f"SELECT DISTINCT views, category FROM {SERIES}") == [(2, "Sports")]
    assert sql(f"SELECT col_description('{SERIES}'::regclass, 4)") == [("One of the project's categories.",)]


def test_a_column_of_another_type_is_refused_and_nothing_is_dropped(published, sql):
    sql(f"ALTER TABLE {SERIES} ALTER COLUMN views TYPE text")
    with pytest.raises(
        WarehouseError,
        match=r"column views of wiki_trends_timeseries is text.* Rename wiki_trends_timeseries",
    ):
        published.publish(tables(2), run_of(2))
    assert sql(f"SELECT DISTINCT views FROM {SERIES}") == [("1",)]


def test_a_new_column_waits_for_readers_only_so_long(published, postgres_url, monkeypatch):
    monkeypatch.setattr(postgres_tables, "EXTEND_LOCK_TIMEOUT", "100ms")
    newer = tables(2)
    newer[SERIES] = newer[SERIES].with_columns(category=pl.lit("Sports"))
    with psycopg.connect(postgres_url) as reader:
        reader.execute(f"SELECT * FROM {SERIES}")
        with pytest.raises(WarehouseError, match=r"other transactions use the table\. Try again"):
            published.publish(newer, run_of(2))
    assert markers(published) == [1, 1, 1]


@pytest.mark.parametrize("kind", ["TABLE", "VIEW", "MATERIALIZED VIEW"])
@pytest.mark.parametrize("name", [SERIES, RUNS])
def test_a_table_or_view_of_the_users_own_with_our_name_is_refused(warehouse, sql, name, kind):
    sql(f"CREATE {kind} {name} AS SELECT 'mine' AS whose")
    with pytest.raises(WarehouseError, match=rf"{name} is there already.* Rename your own {name}"):
        warehouse.publish(tables(1), run_of(1))
    assert sql(f"SELECT * FROM {name}") == [("mine",)]
    assert sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'wiki%' AND relkind = 'r'") in (
        [(0,)],
        [(1,)],
    )


@pytest.mark.parametrize("made", ["TABLE", "VIEW"])
def test_what_the_user_made_beside_our_tables_is_refused_too(published, sql, made):
    sql(f"CREATE {made} wiki_trends_common AS SELECT 'mine' AS whose")
    with pytest.raises(WarehouseError, match="wiki_trends_common is there already"):
        published.publish(tables(2, wiki_trends_common=tables(2)[SERIES]), run_of(2))
    assert sql("SELECT * FROM wiki_trends_common") == [("mine",)]
    assert markers(published) == [1, 1, 1]


def test_tables_of_a_newer_version_are_neither_read_nor_changed(published, sql):
    sql(f"UPDATE {RUNS} SET schema_version = 99")
    for use in (lambda: markers(published), lambda: published.publish(tables(2), run_of(2))):
        with pytest.raises(WarehouseError, match=r"schema 99, this one knows \d+\). Update wiki-trends"):
            use()


def test_nothing_published_is_not_an_empty_report(warehouse):
    with pytest.raises(NothingPublished, match="wiki-trends run"), warehouse.reading():
        pass


def test_a_failing_publish_leaves_the_old_tables(published, sql):
    doubled = tables(2)[SERIES]
    with pytest.raises(WarehouseError, match="could not create unique index"):
        published.publish(tables(2, wiki_trends_common=pl.concat([doubled, doubled])), run_of(2))
    assert markers(published) == [1, 1, 1]
    assert sql("SELECT to_regclass('wiki_trends_common')") == [(None,)]


class Looking:
    """A table that records the locks of the publisher when it is read."""

    def __init__(self, frame, look):
        self._frame, self._look, self.seen = frame, look, None

    def __arrow_c_stream__(self, requested_schema=None):
        self.seen = self._look()
        return self._frame.__arrow_c_stream__(requested_schema)


def test_a_publish_takes_row_locks_only(published, sql):
    locks = (
        "SELECT DISTINCT mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation "
        "WHERE relname LIKE 'wiki_trends%'"
    )
    looking = Looking(tables(2)[GROWTH], lambda: {mode for (mode,) in sql(locks)})
    published.publish({SERIES: tables(2)[SERIES], GROWTH: looking}, run_of(2))
    assert looking.seen == {"AccessShareLock", "RowExclusiveLock"}


def test_a_reader_goes_on_with_its_window_and_holds_no_publish_up(published):
    with published.reading() as reader:
        assert len(reader.rows(f"SELECT * FROM {SERIES}")) == 3
        published.publish(tables(2, pages=5), run_of(2))
        assert {row["views"] for row in reader.rows(f"SELECT * FROM {SERIES}")} == {1}
        assert {row["views"] for row in reader.rows(f"SELECT * FROM {GROWTH}")} == {1}
        assert reader.last_run() == run_of(1, rows={SERIES: 3, GROWTH: 1})
    assert markers(published) == [2] * 5


def test_readers_that_share_connections_see_each_publish_and_survive_the_end_of_a_connection(
    published, postgres_url, sql
):
    with closing(open_warehouse(postgres_url, long_running=True)) as pooled:
        before = pooled.version()
        for _ in range(5):
            assert set(markers(pooled)) == {1}
        assert sql(CONNECTIONS) == [(1,)]
        published.publish(tables(2), run_of(2))
        assert set(markers(pooled)) == {2}
        assert pooled.version() != before
        sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wiki-trends'")
        assert set(markers(pooled)) == {2}
        with pytest.raises(WarehouseError, match="read-only"), pooled.reading() as reader:
            reader.rows("DELETE FROM wiki_trends_runs")
        assert set(markers(pooled)) == {2}
    assert eventually(lambda: sql(CONNECTIONS) == [(0,)])


def test_publishers_queue(published, sql):
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda marker: published.publish(tables(marker), run_of(marker)), range(10, 16)))
    assert sql(f"SELECT count(*), max(run) FROM {RUNS}") == [(7, 7)]
    assert len(set(markers(published))) == 1


def test_a_server_that_is_strict_by_default_changes_nothing(published, sql, postgres_url):
    name = postgres_url.rsplit("/", 1)[1]
    sql(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda marker: published.publish(tables(marker), run_of(marker)), range(10, 14)))
    assert sql(f"SELECT count(*) FROM {RUNS}") == [(5,)]


def test_values_are_bound_and_numbers_are_plain(published):
    with published.reading() as reader:
        rows = reader.rows("SELECT ?::text AS value, '?%' AS literal, 7 % ? AS rest", "'; DROP TABLE x", 4)
        assert rows == [{"value": "'; DROP TABLE x", "literal": "?%", "rest": 3}]
        (sums,) = reader.rows(f"SELECT sum(views) * 1.5 AS number, 10 % 3 AS rest FROM {SERIES}")
    assert sums == {"number": 4.5, "rest": 1}
    assert type(sums["number"]) is float


def test_texts_are_ordered_as_in_duckdb(warehouse):
    pages = ["a", "B", "é", "Z", "_"]
    warehouse.publish({GROWTH: pl.DataFrame({"page": pages, "views": 1})}, run_of(1))
    with warehouse.reading() as reader:
        rows = [row["page"] for row in reader.rows(f"SELECT page FROM {GROWTH} ORDER BY page")]
    assert rows == sorted(pages, key=str.encode)


def test_the_tables_lie_where_the_search_path_says(postgres_url, sql):
    sql("CREATE SCHEMA trends", f"CREATE TABLE public.{SERIES} AS SELECT 'mine' AS whose")
    warehouse = open_warehouse(f"{postgres_url}?options=-csearch_path%3Dtrends")
    warehouse.publish(tables(1), run_of(1))
    assert sql(f"SELECT count(*) FROM trends.{SERIES}") == [(3,)]
    assert sql(f"SELECT * FROM public.{SERIES}") == [("mine",)]
    with pytest.raises(WarehouseError, match=r"no schema of the search path.* Create one"):
        open_warehouse(f"{postgres_url}?options=-csearch_path%3Dnowhere").publish(tables(1), run_of(1))


@pytest.fixture
def guest(sql, postgres, postgres_url):
    """The URL of a user without privileges."""
    sql("CREATE ROLE guest LOGIN PASSWORD 'hunter3'", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    yield postgres.url(postgres_url.rsplit("/", 1)[1], user="guest", password="hunter3")
    sql("DROP OWNED BY guest", "DROP ROLE guest")


def test_who_may_not_make_tables_is_told_which_right_is_lacking(guest, sql):
    with pytest.raises(WarehouseError, match=r"permission denied for schema public\)\. Grant it") as caught:
        open_warehouse(guest).publish(tables(1), run_of(1))
    assert "hunter3" not in str(caught.value)
    assert sql(f"SELECT to_regclass('{SERIES}')") == [(None,)]


def test_who_may_only_read_reads_and_publishes_nothing(guest, published, sql):
    with pytest.raises(WarehouseError, match=r"permission denied for table wiki_trends_runs"):
        markers(open_warehouse(guest))
    sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")
    assert markers(open_warehouse(guest)) == [1, 1, 1]
    with pytest.raises(WarehouseError, match=r"lacks a right"):
        open_warehouse(guest).publish(tables(2), run_of(2))
    assert markers(published) == [1, 1, 1]


def test_who_may_write_rows_but_not_make_tables_can_publish(guest, published, sql):
    sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest")
    open_warehouse(guest).publish(tables(2), run_of(2))
    assert markers(published) == [2, 2, 2]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"password": "hunter4"}, "password authentication failed"),
        ({"user": "nobody-here"}, "password authentication failed"),
        ({"database": "no_such_database"}, 'database "no_such_database" does not exist'),
    ],
)
def test_a_refused_connection_is_told_without_the_password(postgres, change, says):
    url = postgres.url(**{"database": "postgres", **change})
    for use in (markers, lambda warehouse: warehouse.publish(tables(1), run_of(1))):
        with pytest.raises(WarehouseError, match=says) as caught:
            use(open_warehouse(url))
        assert "WIKI_TRENDS_WAREHOUSE" in caught.value.fix
        assert "hunter" not in f"{caught.value} {caught.value.__cause__}"


def test_a_server_that_is_not_there_is_told():
    with pytest.raises(
        WarehouseError, match=r"postgresql://127.0.0.1:9/db: connection.* Check that the server runs"
    ):
        markers(open_warehouse("postgresql://me:hunter2@127.0.0.1:9/db"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hun/ter2@host/db",
        "postgresql://me:hun@ter2@host/db",
        "postgresql://me:12/34hunter@host/db",
        "postgresql://me:hunter2@host:port/db",
        "postgresql://me:hunter2@host/db?hunter=2",
        "postgresql://me:hunter2%zz@host/db",
        "postgresql://[hunter2",
    ],
)
def test_a_url_that_cannot_be_read_shows_nothing_of_the_password(url):
    with pytest.raises(WarehouseUrlError, match="the URL cannot be read") as caught:
        markers(open_warehouse(url))
    assert caught.value.exit_code == USAGE
    shown = f"{caught.value} {caught.value.warehouse} {caught.value.__cause__}"
    assert not [part for part in ("hun", "ter2", "34") if part in shown]


@pytest.mark.parametrize(
    ("parameter", "problem"),
    [
        (":99999/db", "invalid port number"),
        ("/db?sslmode=hunter", "invalid sslmode value"),
        ("/db?target_session_attrs=hunter", "invalid target_session_attrs value"),
        ("/db?connect_timeout=hunter", "bad value for connect_timeout"),
    ],
)
def test_a_parameter_that_the_driver_refuses_is_an_error_of_the_url(parameter, problem):
    with pytest.raises(WarehouseUrlError, match=f"{problem}.* Correct it in WIKI_TRENDS_WAREHOUSE"):
        markers(open_warehouse(f"postgresql://me@127.0.0.1{parameter}"))


def test_without_the_driver_the_fix_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(
        WarehouseError, match=r"not installed\. Install it: pip install 'wiki-trends\[postgres\]'"
    ):
        open_warehouse("postgresql://me@host/db")

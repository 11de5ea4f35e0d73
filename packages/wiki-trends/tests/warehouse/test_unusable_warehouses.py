"""A warehouse that cannot be used is one clear error, before anything is computed, and stays unchanged."""

import hashlib
import os
import re
import struct

import duckdb
import polars as pl
import psycopg
import pytest

from testing.marked_windows import marker_of, publish
from testing.window_data import checked_window, ranked, run_record
from wiki_trends.analytics.analyze import analyze
from wiki_trends.errors import WarehouseError
from wiki_trends.warehouse import open_warehouse
from wiki_trends.warehouse.postgres.failures import warehouse_errors

MASK = 2**64 - 1


def checksum(block):
    """DuckDB's checksum of a header."""
    result = 5381
    for (word,) in struct.iter_unpack("<Q", block):
        result ^= word * 0xBF58476D1CE4E5B9 & MASK
    return result


def newer(data):
    """The file as a later DuckDB would write it: another storage version, with its checksum."""
    header = bytearray(data[:4096])
    assert struct.unpack_from("<Q", header)[0] == checksum(header[8:])
    struct.pack_into("<Q", header, 12, 9999)
    struct.pack_into("<Q", header, 0, checksum(header[8:]))
    return bytes(header) + data[4096:]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "w.duckdb"
    publish(open_warehouse(f"duckdb:///{path}"), 1)
    return path


def refusals(warehouse):
    """The messages of reading and publishing."""
    messages = []
    for use in (lambda: warehouse.reading().__enter__(), lambda: publish(warehouse, 2)):
        with pytest.raises(WarehouseError) as caught:
            use()
        messages.append(str(caught.value))
    return messages


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda _: b"not a database" * 9, "it is not a DuckDB database. Name another file"),
        (lambda _: b"", "it is not a DuckDB database"),
        (lambda data: data[:10], "it is not a DuckDB database"),
        (lambda data: data[:4000], "the file is damaged"),
        (lambda data: data[: len(data) // 2], "the file is damaged .* Restore it from a copy"),
        (newer, "another version of DuckDB wrote it. Update DuckDB"),
    ],
    ids=["text", "empty", "start", "header", "half", "newer"],
)
def test_a_file_that_is_no_usable_database_is_one_error_and_stays(path, change, text):
    path.write_bytes(change(path.read_bytes()))
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    for message in refusals(open_warehouse(f"duckdb:///{path}")):
        assert message.startswith(f"duckdb:///{path}: ")
        assert re.search(text, message), message
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


@pytest.mark.parametrize(
    ("make", "text"), [(os.mkdir, "it is a folder"), (os.mkfifo, "it is not a regular file")]
)
def test_a_folder_or_a_fifo_is_refused_at_once(tmp_path, make, text):
    make(tmp_path / "w.duckdb")
    warehouse = open_warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    messages = refusals(warehouse)
    with pytest.raises(WarehouseError) as caught:
        warehouse.version()
    for message in (*messages, str(caught.value)):
        assert f"{text}. Name a file" in message


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("UPDATE wiki_trends_runs SET fingerprints = '{'", "does not describe a published window"),
        ("UPDATE wiki_trends_runs SET table_rows = '[1]'", "does not describe a published window"),
        ("UPDATE wiki_trends_runs SET published_at = NULL", "does not describe a published window"),
        (f"UPDATE wiki_trends_runs SET states = '{'[' * 100_000}'", "does not describe a published window"),
        ("ALTER TABLE wiki_trends_runs DROP COLUMN fingerprints", "was not published by wiki-trends"),
    ],
    ids=["json", "kind", "null", "deep", "column"],
)
@pytest.mark.parametrize("server", ["duckdb", "postgresql"])
def test_a_table_of_runs_that_is_not_ours_is_one_error(request, tmp_path, server, statement, text):
    url = request.getfixturevalue("postgres_url") if server == "postgresql" else f"duckdb:///{tmp_path}/w"
    publish(open_warehouse(url), 1)
    if server == "duckdb":
        with duckdb.connect(tmp_path / "w") as connection:
            connection.execute(statement)
    else:
        with psycopg.connect(url) as connection:
            # PostgreSQL refuses such values in the columns of the type `jsonb`, so somebody has to have changed the type.
            for column in ("fingerprints", "states"):
                connection.execute(f"ALTER TABLE wiki_trends_runs ALTER COLUMN {column} TYPE text")
            connection.execute(statement)
    with pytest.raises(WarehouseError, match=text), open_warehouse(url).reading():
        pass


@pytest.mark.parametrize("server", ["duckdb", "postgresql"])
def test_a_table_without_our_columns_is_one_error(request, tmp_path, server):
    url = request.getfixturevalue("postgres_url") if server == "postgresql" else f"duckdb:///{tmp_path}/w"
    publish(open_warehouse(url), 1)
    statements = ("DROP TABLE wiki_trends_common", "CREATE TABLE wiki_trends_common (mine INTEGER)")
    with duckdb.connect(tmp_path / "w") if server == "duckdb" else psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement)
    with (
        open_warehouse(url).reading() as reader,
        pytest.raises(WarehouseError, match="its tables are not as wiki-trends published them") as caught,
    ):
        reader.rows("SELECT views FROM wiki_trends_common")
    assert "\n" not in str(caught.value)


def test_a_table_that_a_user_made_beside_ours_is_refused_and_stays(path):
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE wiki_trends_scores AS SELECT 7 AS mine")
    warehouse = open_warehouse(f"duckdb:///{path}")
    scores = pl.DataFrame({"dataset": "diamond", "page": "A"})
    with pytest.raises(WarehouseError, match="wiki_trends_scores is there already"):
        warehouse.publish({"wiki_trends_scores": scores}, run_record())
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("FROM wiki_trends_scores").fetchall() == [(7,)]
    with warehouse.reading() as reader:
        assert marker_of(reader) == 1


def test_publishing_leaves_the_copies_of_another_warehouse(path):
    others = [path.with_name(f".w.duckdb{name}.publishing") for name in (".x.77", ".77.x", ".backup")]
    for other in others:
        other.write_bytes(b"theirs")
    dead = path.with_name(".w.duckdb.77.publishing")
    dead.write_bytes(b"ours")
    publish(open_warehouse(f"duckdb:///{path}"), 2)
    assert [other.read_bytes() for other in others] == [b"theirs"] * 3
    assert not dead.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="root")
def test_a_publish_keeps_mode_and_owner_of_the_file(path):
    path.chmod(0o640)
    os.chown(path, 65534, 65533)
    publish(open_warehouse(f"duckdb:///{path}"), 2)
    status = path.stat()
    assert (status.st_mode & 0o777, status.st_uid, status.st_gid) == (0o640, 65534, 65533)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_is_not_utf8_is_refused_before_anything_is_computed(postgres, tmp_path, encoding):
    name = f"not_utf8_{encoding.lower()}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    warehouse = open_warehouse(postgres.url(name))
    for message in refusals(warehouse):
        assert f"the encoding of the database is {encoding}, which cannot hold every title. Use" in message

    class Untouched:
        def compute(self, _):
            raise AssertionError("computed")

    with pytest.raises(WarehouseError, match=encoding):
        analyze(*checked_window(tmp_path, [ranked({"A": 1})]), warehouse, engine=Untouched())


def test_the_encoding_of_the_client_is_utf8_whatever_the_environment_says(postgres_url, monkeypatch):
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    warehouse = open_warehouse(f"{postgres_url}?client_encoding=latin1")
    publish(warehouse, 1)
    with warehouse.reading() as reader:
        assert marker_of(reader) == 1
        assert reader.rows("SELECT '東京' AS title") == [{"title": "東京"}]


@pytest.mark.parametrize(
    ("secrets", "text", "chained"),
    [
        ((), "no host", True),
        (("",), "no host", True),
        (("hunter2",), "no host", True),
        (("hunter2",), 'invalid "password=hunter2"', False),
    ],
)
def test_the_cause_of_an_error_is_kept_unless_it_shows_a_secret(secrets, text, chained):
    with pytest.raises(WarehouseError) as caught, warehouse_errors("postgresql://h/d", secrets):
        raise psycopg.OperationalError(text)
    assert (caught.value.__cause__ is not None) == chained
    assert "hunter2" not in str(caught.value)

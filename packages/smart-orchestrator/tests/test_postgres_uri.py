"""The URI of a `postgres` connection, as libpq reads it."""

import pytest

from smart_orchestrator.airflow.postgres_uri import postgres_uri


@pytest.mark.parametrize(
    ("fields", "uri"),
    [
        (("db", 5432, "me", "p@/:%", "trends", {}), "postgresql://me:p%40%2F%3A%25@db:5432/trends"),
        (
            ("db", None, "me", "x", "t", {"sslmode": "verify-full", "sslrootcert": "/etc/my ca.pem"}),
            "postgresql://me:x@db/t?sslmode=verify-full&sslrootcert=%2Fetc%2Fmy%20ca.pem",
        ),
        (("db", None, None, None, "t", {"keepalives": False}), "postgresql://db/t?keepalives=0"),
        (("db", None, None, "x", "t", {"connect_timeout": 3}), "postgresql://:x@db/t?connect_timeout=3"),
        (("::1", 5432, None, None, "a/b", {}), "postgresql://[::1]:5432/a%2Fb"),
        (("/run/postgresql", None, None, None, None, {}), "postgresql://%2Frun%2Fpostgresql/"),
        ((None, None, None, None, None, {"sslcert": None}), "postgresql://localhost/"),
        (("db", None, None, None, "t", {"cursor": "dictcursor", "iam": True}), "postgresql://db/t"),
        (("db", None, None, None, "t", {"options": "-c a=b&c"}), "postgresql://db/t?options=-c%20a%3Db%26c"),
    ],
)
def test_every_field_and_extra_is_in_the_uri(fields, uri):
    assert postgres_uri(*fields) == uri


@pytest.mark.parametrize("extras", [{"sslmode": "verify-full", "sslrootcert": "/etc/my ca.pem"}, {}])
def test_the_driver_reads_what_the_connection_says(extras):
    conninfo = pytest.importorskip("psycopg.conninfo")
    uri = postgres_uri("db", 5433, "me", "p@/:%#?", "a b", extras)
    expected = {"host": "db", "port": "5433", "user": "me", "password": "p@/:%#?", "dbname": "a b"}
    assert conninfo.conninfo_to_dict(uri) == expected | extras

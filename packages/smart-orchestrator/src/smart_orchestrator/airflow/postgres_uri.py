"""Convert the fields and extras of a `postgres` connection to a libpq connection URI."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

# Extras that only Airflow's PostgreSQL hook interprets; libpq rejects a URI with them.
_NOT_LIBPQ = frozenset(
    {
        "aws_conn_id",
        "azure_conn_id",
        "client_type",
        "cluster-identifier",
        "cursor",
        "enable_log_db_messages",
        "iam",
        "redshift",
        "redshift-serverless",
        "sqlalchemy_query",
        "sqlalchemy_scheme",
        "workgroup-name",
    }
)


def postgres_uri(
    host: str | None,
    port: int | None,
    user: str | None,
    password: str | None,
    database: str | None,
    extras: Mapping[str, object],
) -> str:
    """Return the libpq URI. Each extra that libpq accepts, such as `sslmode`, becomes a query parameter.

    Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
    """
    secret = f":{quote(password, safe='')}" if password else ""
    login = f"{quote(user or '', safe='')}{secret}"
    parameters = {
        name: _parameter(value)
        for name, value in extras.items()
        if name not in _NOT_LIBPQ and value is not None
    }
    query = f"?{urlencode(parameters, quote_via=quote)}" if parameters else ""
    return (
        f"postgresql://{login}{'@' if login else ''}{_host(host or 'localhost')}{f':{port}' if port else ''}"
        f"/{quote(database or '', safe='')}{query}"
    )


def _host(host: str) -> str:
    # libpq requires brackets around an IPv6 address and encoded slashes in a socket folder. Commas separate several hosts.
    if host.count(":") > 1 and not host.startswith("[") and "," not in host:
        return f"[{host}]"
    return quote(host, safe=",:[]")


def _parameter(value: object) -> str:
    # The switches of libpq, such as `keepalives`, are 0 or 1.
    return str(int(value)) if isinstance(value, bool) else str(value)

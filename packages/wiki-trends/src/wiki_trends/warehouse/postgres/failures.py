"""Convert errors of PostgreSQL to a `WarehouseError` with a fix and without secrets."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wiki_trends.errors import WarehouseError, WarehouseUrlError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg

# The problem and the fix for each SQLSTATE, which is PostgreSQL's code of an error.
_PROBLEMS_BY_STATE = {
    "25006": ("it is read-only", "Name the server that accepts writes, and try again."),
    "53100": (
        "its disk is full",
        "Make room there, and try again; the tables published before are unchanged.",
    ),
    "53300": ("it has no connection left", "Close some connections, and try again."),
    "55P03": (
        "a table needs a new column, and other transactions use the table",
        "Try again when these transactions have ended.",
    ),
}
_FIX_TABLES = (
    "Move your own tables out of the way, or use another schema; then run `wiki-trends analyze` again."
)
_FIX_URL = "Correct it in WIKI_TRENDS_WAREHOUSE."
# The driver refuses a parameter of the URL before it connects.
_INVALID_PARAMETER = re.compile(r"invalid (?:port number|connection option|(?:\w+ )?value)|bad value for \w")
_FIX_CONNECTION = "Check that the server runs, and host, port, user, password and database in WIKI_TRENDS_WAREHOUSE; then try again."


@contextmanager
def warehouse_errors(url: str, secrets: Iterable[str] = ()) -> Iterator[None]:
    """Convert errors of PostgreSQL within this context to a `WarehouseError` about `url` that contains no secret."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        problem, fix = _problem_and_fix(error)
        text = f"{problem} {error}"
        contained_secrets = [secret for secret in secrets if secret and secret in text]
        for secret in contained_secrets:
            problem = problem.replace(secret, "…")
        # An error without an SQLSTATE comes from the driver, not from the server.
        is_url_error = not error.sqlstate and _INVALID_PARAMETER.search(text) is not None
        error_class = WarehouseUrlError if is_url_error else WarehouseError
        fix = _FIX_URL if is_url_error else fix
        # Do not chain an error that contains a secret, because a log would show its text.
        raise error_class(warehouse=url, problem=problem, fix=fix) from (None if contained_secrets else error)


def _problem_and_fix(error: psycopg.Error) -> tuple[str, str]:
    """Return the problem and the fix for the message. The problem can contain a secret."""
    import psycopg

    text = " ".join((error.diag.message_primary or str(error)).split()).rstrip(".")
    if error.sqlstate in _PROBLEMS_BY_STATE:
        return _PROBLEMS_BY_STATE[error.sqlstate]
    if error.sqlstate == "42501":  # insufficient_privilege
        return f"this user lacks a right ({text})", "Grant it, or publish as a user that has it."
    if error.sqlstate in ("42703", "42P01", "42883"):  # An undefined column, table, or function or operator.
        return f"its tables are not as wiki-trends published them ({text})", _FIX_TABLES
    if isinstance(error, psycopg.OperationalError):
        return text, _FIX_CONNECTION
    return text, "Correct it there, and try again; the tables published before are unchanged."

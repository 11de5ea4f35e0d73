"""Errors of PostgreSQL as a `WarehouseError` that names the fix and shows no secret."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from wiki_trends.errors import WarehouseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg

_BY_STATE = {
    "25006": ("it is read-only", "Name the server that can be written, and try again."),
    "53100": ("its disk is full", "Make room there, and try again; what was published before still is."),
    "53300": ("it has no connection left", "Close some, and try again."),
    "55P03": (
        "a table needs a new column, and somebody has it in use",
        "Try again when the transactions that read it have ended.",
    ),
}
_CHANGED = "Move your own tables out of the way, or use another schema; then run `wiki-trends analyze` again."
_CONNECT = "Check that it runs, and host, port, user, password and database in WIKI_TRENDS_WAREHOUSE; then try again."


@contextmanager
def explained(url: str, secrets: Iterable[str] = ()) -> Iterator[None]:
    """Within this context, an error of PostgreSQL becomes a `WarehouseError` about `url` without the secrets."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        problem, fix = _explanation(error)
        text = f"{problem} {error}"
        hidden = [secret for secret in secrets if secret and secret in text]
        for secret in hidden:
            problem = problem.replace(secret, "…")
        # Not chained when the original's text, which a log would show, holds a secret.
        raise WarehouseError(warehouse=url, problem=problem, fix=fix) from (None if hidden else error)


def _explanation(error: psycopg.Error) -> tuple[str, str]:
    import psycopg

    text = " ".join((error.diag.message_primary or str(error)).split()).rstrip(".")
    if error.sqlstate in _BY_STATE:
        return _BY_STATE[error.sqlstate]
    if error.sqlstate == "42501":
        return f"this user lacks a right ({text})", "Grant it, or publish as a user that has it."
    if error.sqlstate in ("42703", "42P01", "42883"):
        return f"its tables are not as wiki-trends published them ({text})", _CHANGED
    if isinstance(error, psycopg.OperationalError):
        return text, _CONNECT
    return text, "Correct it there, and try again; what was published before still is."

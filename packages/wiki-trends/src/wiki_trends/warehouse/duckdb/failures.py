"""Convert errors of DuckDB and of the file system to a `WarehouseError` with a fix."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wiki_trends.errors import WarehouseError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_PERMISSION = (
    "the file or its folder cannot be written or read",
    "Give this user permission, or use another file.",
)
_DISK_FULL = (
    "its disk is full",
    "Make room there, and try again; the tables published before are unchanged.",
)
# Phrases in DuckDB's messages, with the problem and the fix. The first entry with a phrase in the message is used. `{text}` stands for the
# message.
_PROBLEMS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("Permission denied",), *_NO_PERMISSION),
    ((os.strerror(errno.ENOSPC),), *_DISK_FULL),
    (
        ("version number", "newer version of DuckDB"),
        "another version of DuckDB wrote it",
        "Update DuckDB, or name another file: this one is left as it is.",
    ),
    (
        ("Could not read enough bytes", "Corrupt database file", "Failed to deserialize", "INTERNAL Error"),
        "the file is damaged ({text})",
        "Restore it from a copy, or move it away and publish again: it is left as it is.",
    ),
    (
        ("Binder Error", "Catalog Error"),
        "its tables are not as wiki-trends published them ({text})",
        "Move your own tables out of the way, or use another file; then run `wiki-trends analyze` again.",
    ),
    (
        ("not a valid DuckDB",),
        "it is not a DuckDB database",
        "Name another file: this one is left as it is.",
    ),
    (
        ("Could not set lock", "Conflicting lock"),
        "another process has it open for writing",
        "Close it there, and try again.",
    ),
)


@contextmanager
def warehouse_errors(url: str) -> Iterator[None]:
    """Convert errors of DuckDB and of the file system within this context to a `WarehouseError` about `url`."""
    import duckdb

    try:
        yield
    except (OSError, duckdb.Error) as error:
        problem, fix = _problem_and_fix(error)
        raise WarehouseError(warehouse=url, problem=problem, fix=fix) from error


def _problem_and_fix(error: Exception) -> tuple[str, str]:
    text = " ".join(str(error).split())
    if isinstance(error, OSError):
        return _file_system_problem(error, text)
    for phrases, problem, fix in _PROBLEMS:
        if any(phrase in text for phrase in phrases):
            # DuckDB quotes the query after ` LINE 1:`.
            return problem.format(text=text.partition(" LINE 1:")[0]), fix
    return text, "Try again; if that does not help, move the file away and publish again."


def _file_system_problem(error: OSError, text: str) -> tuple[str, str]:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _NO_PERMISSION
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _DISK_FULL
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or text}{where}", "Make room or correct the path, and try again."

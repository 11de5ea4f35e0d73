"""Errors of DuckDB and the file system as a `WarehouseError` that names the fix."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wiki_trends.errors import WarehouseError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_RIGHT = (
    "the file or its folder cannot be written or read",
    "Give this user the right to, or use another file.",
)
_FULL = ("its disk is full", "Make room there, and try again; what was published before still is.")
# Signs in DuckDB's text, the problem and the fix; the first match counts.
_KNOWN: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("Permission denied",), *_NO_RIGHT),
    ((os.strerror(errno.ENOSPC),), *_FULL),
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
def explained(url: str) -> Iterator[None]:
    """Within this context, an error of DuckDB or of the file system becomes a `WarehouseError` about `url`."""
    import duckdb

    try:
        yield
    except (OSError, duckdb.Error) as error:
        problem, fix = _explanation(error)
        raise WarehouseError(warehouse=url, problem=problem, fix=fix) from error


def _explanation(error: Exception) -> tuple[str, str]:
    text = " ".join(str(error).split())
    if isinstance(error, OSError):
        return _of_file_system(error, text)
    for signs, problem, fix in _KNOWN:
        if any(sign in text for sign in signs):
            return problem.format(text=text.partition(" LINE 1:")[0]), fix
    return text, "Try again; if it stays so, move the file away and publish anew."


def _of_file_system(error: OSError, text: str) -> tuple[str, str]:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _NO_RIGHT
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _FULL
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or text}{where}", "Make room or correct the path, and try again."

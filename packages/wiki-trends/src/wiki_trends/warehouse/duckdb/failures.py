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
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return _NO_RIGHT
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _FULL
        where = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror or text}{where}", "Make room or correct the path, and try again."
    if "Permission denied" in text:
        return _NO_RIGHT
    if os.strerror(errno.ENOSPC) in text:
        return _FULL
    if "not a valid DuckDB" in text:
        return "it is not a DuckDB database", "Name another file: this one is left as it is."
    if "Could not set lock" in text or "Conflicting lock" in text:
        return "another process has it open for writing", "Close it there, and try again."
    return text, "Try again; if it stays so, move the file away and publish anew."

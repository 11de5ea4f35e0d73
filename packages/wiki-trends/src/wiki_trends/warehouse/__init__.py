"""Warehouses for the analytics tables. A publish replaces the tables atomically, and readers do not wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.errors import WarehouseUrlError

if TYPE_CHECKING:
    from wiki_trends.warehouse.base import Warehouse

__all__ = ["open_warehouse"]


def open_warehouse(url: str, *, long_running: bool = False) -> Warehouse:
    """Open the warehouse that `url` names. This does not connect to a database; the first publish creates the tables.

    Args:
        url: `duckdb:///FILE` with a path relative to the working directory, `duckdb:////FILE` with an absolute path, or
            `postgresql://USER:PASSWORD@HOST:PORT/DATABASE` with any parameters of libpq.
        long_running: whether a server opens the warehouse. Readers of PostgreSQL then share a few connections, and each
            reader of DuckDB uses one thread.

    Raises:
        WarehouseUrlError: the URL does not name a warehouse.
        WarehouseError: the driver of PostgreSQL is not installed.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "duckdb" and len(rest) > 1 and rest.startswith("/"):
        from pathlib import Path

        from wiki_trends.warehouse.duckdb.warehouse import DuckDBFile

        return DuckDBFile(Path(rest[1:]), threads=1 if long_running else None)
    if scheme in ("postgresql", "postgres"):
        from wiki_trends.warehouse.postgres.warehouse import PostgreSQL

        return PostgreSQL(url, pooled=long_running)
    raise WarehouseUrlError(
        # The URL may contain a password, so the message shows only its scheme.
        warehouse=f"{scheme}://…" if rest else "the warehouse's URL",
        problem="is not the URL of a warehouse",
        fix="Use duckdb:///FILE, for example duckdb:///data/warehouse.duckdb, or postgresql://USER:PASSWORD@HOST/DATABASE.",
    )

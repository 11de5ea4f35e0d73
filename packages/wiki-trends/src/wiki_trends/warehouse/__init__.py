"""Where the analytics tables are published: opened by URL, replaced as one act, read without disturbing anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.errors import WarehouseError

if TYPE_CHECKING:
    from wiki_trends.warehouse.base import Warehouse

__all__ = ["open_warehouse"]


def open_warehouse(url: str, *, all_day: bool = False) -> Warehouse:
    """The warehouse behind `url`.

    `duckdb:///FILE`, relative to the working directory, or absolute with a fourth slash; or
    `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, with all that libpq takes in it. Opening touches nothing: tables are
    made by the first publish. `all_day` is for a process that reads all day
    and has other things to do: readers of PostgreSQL share a few connections, those of DuckDB use one thread each.

    Raises:
        WarehouseError: the URL is not one of a warehouse, or the driver of PostgreSQL is not installed.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "duckdb" and len(rest) > 1 and rest.startswith("/"):
        from pathlib import Path

        from wiki_trends.warehouse.duckdb.warehouse import DuckDBFile

        return DuckDBFile(Path(rest[1:]), threads=1 if all_day else None)
    if scheme in ("postgresql", "postgres"):
        from wiki_trends.warehouse.postgres.warehouse import PostgreSQL

        return PostgreSQL(url, pooled=all_day)
    raise WarehouseError(
        # It may hold a password: only its scheme is shown.
        warehouse=f"{scheme}://…" if rest else "the warehouse's URL",
        problem="is not the URL of a warehouse",
        fix="Use duckdb:///FILE, for example duckdb:///data/warehouse.duckdb, or postgresql://USER:PASSWORD@HOST/DATABASE.",
    )

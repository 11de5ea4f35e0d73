"""Read Parquet parts in bounded batches of rows: the footer for the columns and the number of rows, then the values."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.contract.reading import Unreadable, parquet_reading
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from smart_orchestrator.contract.sources import PartSource

# Bytes of the file that are decoded at a time, and the rows that this makes at most.
BATCH_BYTES = 8 << 20
BATCH_ROWS = 1 << 18
SIGNATURE = b"PAR1"


@contextmanager
def open_parquet(
    source: PartSource, columns: Sequence[str] | None
) -> Iterator[tuple[pl.Schema, int, Iterator[pl.DataFrame]]]:
    """The columns of a part, its number of rows, and the values of `columns` (None: of all) in batches.

    Raises:
        Unreadable: no Parquet. The batches raise it as well.
        PartFault, LakeError: as for `PartSource`.
    """
    with extra("frames"):
        import polars as pl

    with source.file(footer_only=columns is not None and not columns) as path:
        with parquet_reading():
            with Path(path).open("rb") as file:
                if file.read(4) != SIGNATURE:
                    msg = "it is not a file of Parquet"
                    raise Unreadable(msg)
            schema = pl.Schema(pl.read_parquet_schema(path))
            rows = int(pl.scan_parquet(path).select(pl.len()).collect().item())
        wanted = [name for name in (schema if columns is None else columns) if name in schema]
        yield schema, rows, _batches(path, wanted, rows, source.size)


def _batches(path: str, columns: Sequence[str], rows: int, size: int) -> Iterator[pl.DataFrame]:
    with extra("frames"):
        import polars as pl

    if not columns:
        return
    step = max(1, min(BATCH_ROWS, BATCH_BYTES * rows // max(size, 1)))
    for start in range(0, rows, step):
        with parquet_reading():
            frame = pl.scan_parquet(path).select(columns).slice(start, step).collect()
            if frame.height != min(step, rows - start):
                msg = f"its footer names {rows:,} rows, and fewer can be read"
                raise Unreadable(msg)
        yield frame

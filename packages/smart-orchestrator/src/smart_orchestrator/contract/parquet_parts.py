"""Read Parquet parts: first the columns and the number of rows from the footer, then the values in bounded batches."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.contract.reading import Unreadable, translate_parquet_errors
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from smart_orchestrator.contract.sources import PartSource

# The limits of a batch, in bytes of the file and in rows. The number of bytes is estimated from the average size of a row.
BATCH_BYTES = 8 << 20
BATCH_ROWS = 1 << 18
# The first and the last bytes of a Parquet file.
SIGNATURE = b"PAR1"


@contextmanager
def open_parquet(source: PartSource, *, footer_only: bool) -> Iterator[tuple[pl.Schema, int, str]]:
    """Open a part, and yield its schema, its number of rows, and the path of a local file for `read_batches`.

    With `footer_only`, the local file may lack the values, so `read_batches` cannot read it.

    Raises:
        Unreadable: the part is not a Parquet file.
        PartFault: the part is gone, or its bytes are not the bytes that were committed.
        LakeError: the lake does not respond, or refuses a request.
    """
    with extra("frames"):
        import polars as pl

    with source.file(footer_only=footer_only) as path:
        with translate_parquet_errors():
            with Path(path).open("rb") as file:
                if file.read(4) != SIGNATURE:
                    msg = "the file is not Parquet"
                    raise Unreadable(msg)
            schema = pl.Schema(pl.read_parquet_schema(path))
            rows = int(pl.scan_parquet(path).select(pl.len()).collect().item())
        yield schema, rows, path


def read_batches(path: str, columns: Sequence[str], rows: int, file_bytes: int) -> Iterator[pl.DataFrame]:
    """Yield the values of some columns, in batches. One batch and one row group of these columns are in memory at a time.

    Raises:
        Unreadable: the values cannot be read.
    """
    with extra("frames"):
        import polars as pl

    if not columns:
        return
    batch_rows = max(1, min(BATCH_ROWS, BATCH_BYTES * rows // max(file_bytes, 1)))
    for start in range(0, rows, batch_rows):
        with translate_parquet_errors():
            frame = pl.scan_parquet(path).select(columns).slice(start, batch_rows).collect()
            if frame.height != min(batch_rows, rows - start):
                msg = f"the footer declares {rows:,} rows, but fewer can be read"
                raise Unreadable(msg)
        yield frame

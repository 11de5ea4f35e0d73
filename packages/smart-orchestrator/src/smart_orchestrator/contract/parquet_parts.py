"""Read Parquet parts: columns and number of rows from the footer, then the values in batches of bounded size."""

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

# A batch covers at most this many bytes of the file, and at most this many rows.
BATCH_BYTES = 8 << 20
BATCH_ROWS = 1 << 18
SIGNATURE = b"PAR1"


@contextmanager
def open_parquet(source: PartSource, *, footer_only: bool) -> Iterator[tuple[pl.Schema, int, str]]:
    """The columns of a part, its number of rows, and the path of a file for `read_batches`.

    Raises:
        Unreadable: the part is not a Parquet file.
        PartFault, LakeError: as for `PartSource`.
    """
    with extra("frames"):
        import polars as pl

    with source.file(footer_only=footer_only) as path:
        with translate_parquet_errors():
            with Path(path).open("rb") as file:
                if file.read(4) != SIGNATURE:
                    msg = "it is not a file of Parquet"
                    raise Unreadable(msg)
            schema = pl.Schema(pl.read_parquet_schema(path))
            rows = int(pl.scan_parquet(path).select(pl.len()).collect().item())
        yield schema, rows, path


def read_batches(path: str, columns: Sequence[str], rows: int, size: int) -> Iterator[pl.DataFrame]:
    """The values of some columns, in batches. Memory holds these columns of one row group, and one batch.

    Raises:
        Unreadable: they cannot be read.
    """
    with extra("frames"):
        import polars as pl

    if not columns:
        return
    step = max(1, min(BATCH_ROWS, BATCH_BYTES * rows // max(size, 1)))
    for start in range(0, rows, step):
        with translate_parquet_errors():
            frame = pl.scan_parquet(path).select(columns).slice(start, step).collect()
            if frame.height != min(step, rows - start):
                msg = f"its footer names {rows:,} rows, and fewer can be read"
                raise Unreadable(msg)
        yield frame

"""A violation of a contract, and the texts about differing columns and duplicate values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.model.partition import Code

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

# The largest number of violations of one rule that a text lists. A damaged partition may have thousands.
FIRST_FEW = 3


class Finding(NamedTuple):
    """One violation: a code, and a sentence that names the part, the row and the column."""

    code: Code
    text: str


def difference_text(part: str, columns: Sequence[str], other: str, other_columns: Sequence[str]) -> str:
    """Return a sentence about the columns in which a part differs from another part."""
    added = _first_few([column for column in columns if column not in other_columns])
    missing = _first_few([column for column in other_columns if column not in columns])
    if added and missing:
        return f"{part} has the columns {added}, and {other} {missing}"
    if missing:
        return f"{part} lacks the columns {missing} of {other}"
    if added:
        return f"{part} has the columns {added}, which {other} lacks"
    return f"{part} has the columns {_first_few(columns)}, and {other} {_first_few(other_columns)}"


def _first_few(columns: Sequence[str]) -> str:
    """Join the first few names of columns. More names than violations are listed, because names are short."""
    more = len(columns) - 2 * FIRST_FEW
    return ", ".join(columns[: 2 * FIRST_FEW]) + (f" and {more} more" if more > 0 else "")


def duplicate_finding(column: str, value: Hashable) -> Finding:
    """Return the finding for a value that must be unique and occurs more than once."""
    return Finding(Code.DUPLICATE_ROWS, f"column {column} holds {str(value)[:80]!r} more than once")

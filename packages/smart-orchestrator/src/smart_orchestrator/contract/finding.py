"""One violation of a contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.model.partition import Code

if TYPE_CHECKING:
    from collections.abc import Hashable

# The number of violations of one rule that a reason lists. A damaged partition may have thousands.
FIRST_FEW = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation: a code, and a sentence that names the part, the row and the column."""

    code: Code
    text: str


def duplicate_finding(column: str, value: Hashable) -> Finding:
    """Return the finding for a value that must be unique and occurs more than once."""
    return Finding(Code.DUPLICATE_ROWS, f"column {column} holds {str(value)[:80]!r} more than once")

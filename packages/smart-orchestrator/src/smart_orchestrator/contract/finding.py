"""One violation of a contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.model.partition import Code

if TYPE_CHECKING:
    from collections.abc import Hashable

# Violations named in a reason; a broken partition would otherwise fill the screen.
FIRST_FEW = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that breaks the contract."""

    code: Code
    text: str


def repeated(column: str, value: Hashable) -> Finding:
    """A value that must be unique and stands more than once."""
    return Finding(Code.DUPLICATE_ROWS, f"column {column} holds {str(value)[:80]!r} more than once")

"""Set up the process of a command-line program. This module imports nothing that takes time, so that it can run first."""

from __future__ import annotations

import gc

# By default, Python searches for cycles of unused objects after every 700 new objects.
_NEW_OBJECTS_BEFORE_COLLECTION = 50_000


def collect_rarely() -> None:
    """Make garbage collections rare, because the imports of a short command make many objects and leave no cycles of unused ones."""
    gc.set_threshold(_NEW_OBJECTS_BEFORE_COLLECTION)

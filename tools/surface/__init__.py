"""What users know of the product, as one JSON file: commands, settings, JSON keys, tables, file names, public names.

`tests/surface` makes it anew and compares; `python -m tools.surface --write` writes it after an intended change.
Nothing in it depends on where a module lies: the code may be moved as long as the same product results.
"""

from tools.surface.documents import as_text, differences, shape
from tools.surface.subject import AIRFLOW_FILE, DOCUMENTED, FILE, PUBLIC, PUBLIC_IN_AIRFLOW, ROOT

__all__ = [
    "AIRFLOW_FILE",
    "DOCUMENTED",
    "FILE",
    "PUBLIC",
    "PUBLIC_IN_AIRFLOW",
    "ROOT",
    "as_text",
    "differences",
    "shape",
]

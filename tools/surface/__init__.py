"""The surface of the product: its commands, settings, JSON keys, tables, file names and public names, recorded in a JSON file.

`tests/surface` compares the surface of the current code with the file. After an intended change, `python -m tools.surface --write`
writes the file. The surface contains no paths of modules, so that moving code does not change the file.
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

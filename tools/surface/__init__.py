"""The surface: a JSON file with all interfaces of the product: commands, settings, JSON keys, tables, file names, public names.

`tests/surface` compares the surface of the code with the file. After an intended change, `python -m tools.surface --write` writes
the file. The surface contains no paths of modules, so that code can be moved without a change of the file.
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

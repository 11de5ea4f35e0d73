"""Import the Python functions that a configuration file names as `module:function`."""

from __future__ import annotations

import importlib
import re
import sys
from functools import reduce
from typing import TYPE_CHECKING, Any

from smart_orchestrator.project_errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smart_orchestrator.config.tables import ConfigTable

_FUNCTION = r"\w+(\.\w+)*:\w+(\.\w+)*"


def is_function_name(text: str) -> bool:
    """Return whether a text has the form of a module and a function, such as `pipeline:run_day`."""
    return re.fullmatch(_FUNCTION, text) is not None


def parse_function_name(table: ConfigTable) -> str:
    """Read the option `function` of a table: a module and a function, such as `pipeline:run_day`.

    Raises:
        ConfigError: the value does not have this form.
    """
    function = table.text("function")
    if not is_function_name(function):
        raise table.error(
            "function",
            f"{function!r} is not a module and a function",
            'Write for example function = "pipeline:run_day".',
        )
    return function


def load_function(name: str, path: Path, option: str) -> Callable[..., object]:
    """Import a function. The folder of the configuration file is searched for the module first.

    Args:
        name: the function as `module:function`.
        path: the path of the configuration file.
        option: the name of the option, for errors.

    Raises:
        ConfigError: the function cannot be imported.
    """
    folder = str(path.absolute().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module_name, _, attributes = name.partition(":")

    def error(problem: str) -> ConfigError:
        return ConfigError(str(path), option, f"{name} {problem}", "Correct the name or the module.")

    try:
        function: Any = reduce(getattr, attributes.split("."), importlib.import_module(module_name))
    except Exception as failure:
        raise error(f"cannot be imported ({type(failure).__name__}: {failure})") from failure
    if not callable(function):
        raise error("is not a function")
    return function  # type: ignore[no-any-return]

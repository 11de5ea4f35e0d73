"""The sections of the surface about scripts, documented functions and public names."""

from __future__ import annotations

import contextlib
import enum
import importlib
import inspect
import re
import runpy
import sys
from typing import TYPE_CHECKING
from unittest import mock

from tools.surface.documents import shape
from tools.surface.subject import AS_OF, DOCUMENTED, ROOT, SCRIPTS, UNPUBLISHED_DAY, Section
from tools.surface.use import captured

if TYPE_CHECKING:
    from collections.abc import Callable

# The types of default values whose `repr` does not depend on the machine.
_PLAIN_TYPES = (str, int, float, bool, tuple, type(None))
_PLACEHOLDER = type("Placeholder", (), {"__repr__": lambda _: "…"})()


def scripts() -> Section:
    """Return the options of the documented scripts."""
    section: Section = {}
    for name in SCRIPTS:
        help_arguments = mock.patch.object(sys, "argv", [name, "--help"])
        with captured() as streams, help_arguments, contextlib.suppress(SystemExit):
            runpy.run_path(str(ROOT / name), run_name="__main__")
        section[name] = sorted(
            set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", streams[0].partition("options:")[2]))
        )
    return section


def documented_names() -> Section:
    """Return the parameters of each documented function."""
    section: Section = {}
    for name in DOCUMENTED:
        for function, value in vars(importlib.import_module(name)).items():
            if inspect.isfunction(value) and value.__module__ == name and not function.startswith("_"):
                section[f"{name}.{function}"] = _signature(value)
    return section


def documented_calls() -> Section:
    """Call the documented functions, and return the keys of their results."""
    checker, trigger = (importlib.import_module(name) for name in DOCUMENTED)
    with captured():
        return {
            "find_missing_dates()": shape([checker.find_missing_dates(10, AS_OF)]),
            "get_dates_to_fetch()": shape([checker.get_dates_to_fetch(10, AS_OF)]),
            "trigger_multiple_dates()": shape(
                [trigger.trigger_multiple_dates(["2025-11-05", UNPUBLISHED_DAY])]
            ),
        }


def public_names(package: str) -> Section:
    """Return the names in `__all__` of a package: functions with their parameters, and classes with their members."""
    module = importlib.import_module(package)
    own_package = package.partition(".")[0]
    return {
        name: _public(getattr(module, name), own_package) for name in sorted(getattr(module, "__all__", ()))
    }


def _public(value: object, own_package: str) -> object:
    if isinstance(value, enum.EnumMeta):
        return "values"
    if isinstance(value, type):
        # Members that are inherited from classes of Airflow or Python are not a part of the surface.
        classes = [cls for cls in value.__mro__ if cls.__module__.partition(".")[0] == own_package]
        members = {name for cls in classes for name in vars(cls) if not name.startswith("_")}
        return {"made of": _signature(value), "shows": sorted(members)}
    return _signature(value) if callable(value) else type(value).__name__


def _signature(value: Callable[..., object]) -> str:
    """Return the parameters of a function, without their types, because these contain the names of modules."""
    try:
        signature = inspect.signature(value)
    except ValueError:
        return "(…)"
    parameters = [
        parameter.replace(
            annotation=parameter.empty,
            default=parameter.default
            if parameter.default is parameter.empty or isinstance(parameter.default, _PLAIN_TYPES)
            else _PLACEHOLDER,
        )
        for parameter in signature.parameters.values()
    ]
    return str(signature.replace(parameters=parameters, return_annotation=signature.empty))

"""Groups of options that several commands share.

A group is a `NamedTuple` of options. A command that is decorated with `with_groups` takes groups as parameters; the command line
has one option for each field of these groups. Groups are not dataclasses, because defining a dataclass takes several times as long as
defining a `NamedTuple`, and a program defines the groups of all its commands each time it starts.
"""

from __future__ import annotations

import inspect
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable


class _CommandWithGroups:
    """A command whose signature has a parameter for each field of its groups.

    The signature is computed when Typer asks for it, because a program has many commands and runs one of them.
    """

    def __init__(self, command: Callable[..., None]) -> None:
        # The annotations are not copied, because a property computes them.
        update_wrapper(self, command, assigned=("__module__", "__name__", "__qualname__", "__doc__"))
        self._command = command

    def __call__(self, **values: Any) -> None:
        """Run the command with the values of all options."""
        for name, group in self._groups.items():
            values[name] = group(**{field: values.pop(field) for field in group._fields})
        self._command(**values)

    @cached_property
    def _own_signature(self) -> inspect.Signature:
        """The signature of the command as it is written, with its groups."""
        return inspect.signature(self._command, eval_str=True)

    @cached_property
    def _groups(self) -> dict[str, type[Any]]:
        """The groups among the parameters of the command, by the name of the parameter."""
        parameters = self._own_signature.parameters
        # Every `NamedTuple` has the attribute `_fields`. The type of a single option does not have it.
        return {
            name: parameter.annotation
            for name, parameter in parameters.items()
            if hasattr(parameter.annotation, "_fields")
        }

    @cached_property
    def __signature__(self) -> inspect.Signature:
        signature = self._own_signature
        parameters: list[inspect.Parameter] = []
        for name, parameter in signature.parameters.items():
            if name not in self._groups:
                parameters.append(parameter)
                continue
            group = self._groups[name]
            hints = get_type_hints(group, include_extras=True)
            parameters += [
                parameter.replace(name=field, default=group._field_defaults[field], annotation=hints[field])
                for field in group._fields
            ]
        return signature.replace(parameters=parameters)

    @cached_property
    def __annotations__(self) -> dict[str, Any]:  # type: ignore[override]
        # Typer takes the types from the annotations, and the names and defaults from the signature.
        return {name: parameter.annotation for name, parameter in self.__signature__.parameters.items()}


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Replace each group among the parameters of a command with its fields, because Typer needs a flat signature."""
    return _CommandWithGroups(command)

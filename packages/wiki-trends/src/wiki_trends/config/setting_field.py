"""The dataclass field of a setting: its default, its parser and its description."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def setting_field(
    default: Any, parse: Callable[[str], Any], text: str, *, example: str = "", secret: bool = False
) -> Any:
    """Return the dataclass field of a setting. `text` describes the setting for users; `example` is a valid value."""
    return field(
        default=default,
        repr=not secret,
        metadata={"parse": parse, "text": text, "example": example, "secret": secret},
    )

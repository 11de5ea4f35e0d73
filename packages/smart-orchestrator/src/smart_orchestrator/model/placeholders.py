"""Placeholders in the arguments of a command that works on one partition key."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from smart_orchestrator.model.grain import key_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smart_orchestrator.model.grain import Key

_PLACEHOLDER = re.compile(r"\{(key|start|end)\}")


def fill_placeholders(arguments: Sequence[str], key: Key, span: tuple[dt.datetime, dt.datetime]) -> list[str]:
    """Replace `{key}` by the key, and `{start}` and `{end}` by the start and the end of its span in UTC (`2025-11-05T00:00:00Z`)."""
    start, end = span
    values = {"key": key_text(key), "start": _timestamp(start), "end": _timestamp(end)}
    return [_PLACEHOLDER.sub(lambda match: values[match[1]], argument) for argument in arguments]


def _timestamp(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""The partition of one day in the lake of a `PathWriter`, as an adapter inspects it."""

from __future__ import annotations

import datetime as dt

from smart_orchestrator.adapters.base import adapter_of
from smart_orchestrator.adapters.manifest import InspectOptions

DAY = dt.date(2025, 11, 5)
FOLDER = "orders/dt=2025-11-05"


def inspect_day(writer, options=None, **description):
    adapter = adapter_of(writer.dataset(**description))
    return adapter.inspect([DAY], options or InspectOptions())[DAY]


def put(writer, name, data):
    writer.lake.put(f"{FOLDER}/{name}", data)

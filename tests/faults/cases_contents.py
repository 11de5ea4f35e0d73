"""Faults inside a partition: bytes that no reader can use, and rows that are not what they seem."""

from __future__ import annotations

from testing.faults import Fault

CASES: list[Fault] = [
    Fault(
        "marker-is-not-json",
        "one fault stays one fault",
        lambda scene: scene.put("_SUCCESS", b"not json"),
        verdict=("invalid", "BAD_MANIFEST"),
    ),
]

"""Read and write the manifest of a committed partition.

The marker `_SUCCESS` of our writer holds a `Manifest` as JSON. `parse_manifest` does not raise for bad bytes: a marker
that cannot be used is a verdict on the partition, with a code and a sentence.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any

from smart_orchestrator.model.partition import MANIFEST_VERSION, Code, Manifest, PartInfo, Partition, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

MARKER = "_SUCCESS"


def parse_manifest(day: dt.date, data: bytes) -> Manifest | Partition:
    """The manifest, or the verdict on a marker that cannot be used."""
    try:
        document = json.loads(data)
        version = int(document["version"])
        if version > MANIFEST_VERSION:
            reason = f"the manifest has version {version}, this program knows {MANIFEST_VERSION}: update it"
            return verdict(day, Code.NEWER_VERSION, reason)
        manifest = _manifest_of(document)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        shown = str(error).splitlines()[0] if str(error) else type(error).__name__
        return verdict(day, Code.BAD_MANIFEST, f"{MARKER} is not a manifest ({shown})")
    if manifest.day != day:
        return verdict(day, Code.WRONG_DAY, f"the manifest is of {manifest.day}")
    return manifest


def _manifest_of(document: Mapping[str, Any]) -> Manifest:
    rows = document["rows"]
    volume = document.get("volume")
    parts = tuple(
        PartInfo(str(p["name"]), int(p["size"]), p.get("checksum"), p.get("etag")) for p in document["parts"]
    )
    bad = [part.name for part in parts if not is_part(part.name)]
    if bad:
        msg = f"{bad[0]!r} is not the name of a part"
        raise ValueError(msg)
    return Manifest(
        day=dt.date.fromisoformat(document["day"]),
        run_id=str(document["run_id"]),
        parts=parts,
        rows=None if rows is None else int(rows),
        columns=tuple(str(name) for name in document.get("columns", ())),
        volume=None if volume is None else int(volume),
        measured=dict(document.get("measured") or {}),
        written_at=dt.datetime.fromisoformat(document["written_at"]),
    )


def is_part(name: str) -> bool:
    """Whether an object of a partition's folder is data, by its name below the folder."""
    return name.startswith("part-") and "/" not in name


def checksum_of(data: bytes) -> str:
    """The checksum of a part, as in a manifest."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_of(manifest: bytes) -> str:
    """The fingerprint of a partition that has this manifest."""
    return hashlib.sha256(manifest).hexdigest()[:32]

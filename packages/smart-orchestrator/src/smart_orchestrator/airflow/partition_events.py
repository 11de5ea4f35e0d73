"""Asset events with partition keys: one event for each version of a partition that a check has verified.

Airflow 3.3 has two kinds of asset events. Events with a partition key start DAGs with a `PartitionedAssetTimetable`. Events without a
key start all other DAGs that are scheduled on the asset. A task that updates an asset therefore emits both kinds: an event with a key for
each newly verified partition, and one event without a key. Airflow accepts both kinds from one task only if one of them is emitted through
an asset alias. Here, the event without a key is emitted through the alias.

Airflow's state store of the asset keeps the version of each partition whose event was emitted. A re-run, a cleared task or another DAG with
the same asset emits the event of a partition again only if the data of the partition have changed. After a failed try, the retry emits
the same events again, because Airflow has not recorded the events of the failed try.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from airflow.sdk import Asset, AssetAlias

from smart_orchestrator.model.grain import key_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Context

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition

ALIAS_SUFFIX = "_updates"


def partitioned_outlets(outlets: Iterable[object]) -> list[object]:
    """Return the outlets of a task, with the alias that `emit_partitions` needs after each asset.

    The name of the alias is the name of the asset followed by `_updates`. Give the result to the argument `outlets` of the task.

    If runs of the DAG are parallel, give the task `max_active_tis_per_dag=1` as well. With the first event, Airflow stores that the alias
    belongs to the asset. If two tasks store this at the same moment, Airflow 3.3 marks one of them as failed, although its work is done.
    """
    result: list[object] = []
    for outlet in outlets:
        if outlet not in result:
            result.append(outlet)
        if isinstance(outlet, Asset) and _alias(outlet) not in result:
            result.append(_alias(outlet))
    return result


def emit_partitions(context: Context, asset: Asset, completeness: Completeness) -> list[str]:
    """Emit the events of an asset for a checked window; return the partition keys that are emitted.

    The `extra` of each event gets the fields `window`, `coverage` (in percent) and `rows` (the rows of all usable partitions; None if a
    number is unknown). Fields that the task has set before are kept. Partitions that the check does not accept have no event.

    Args:
        context: the context of a task whose outlets are those of `partitioned_outlets`.
        asset: the asset.
        completeness: the checked window.
    """
    event = context["outlet_events"][asset]
    rows = [partition.rows for partition in completeness.usable]
    event.extra |= {
        "window": str(completeness.window),
        "coverage": completeness.coverage_pct,
        "rows": None if None in rows else sum(count for count in rows if count is not None),
    }
    keys = [
        key_text(partition.day) for partition in completeness.usable if _is_new(context, asset, partition)
    ]
    if keys:
        event.add_partitions(keys)
        alias = _alias(asset)
        context["outlet_events"][alias].add(asset, extra=dict(event.extra))
    return keys


def _alias(asset: Asset) -> AssetAlias:
    return AssetAlias(f"{asset.name}{ALIAS_SUFFIX}")


def _is_new(context: Context, asset: Asset, partition: Partition) -> bool:
    """Return whether this version of a partition has not been emitted, and record that this try emits it."""
    store = context["asset_state_store"][asset]
    key, version, ti = key_text(partition.day), _version(partition), context["ti"]
    emitted = store.get(key)
    source = f"{ti.dag_id}/{ti.run_id}/{ti.task_id}"
    if isinstance(emitted, dict) and emitted.get("version") == version:
        # Airflow raises `max_tries` above the number of retries when it clears a task that has run.
        is_retry = emitted.get("source") == source and ti.max_tries <= (context["task"].retries or 0)
        if not is_retry:
            return False
    store.set(key, {"version": version, "source": source})
    return True


def _version(partition: Partition) -> str:
    """Return a digest of the data of a partition. If checksums are known, the digest stays the same when a run writes the same data again."""
    contents = sorted(f"{part.size} {part.checksum}" for part in partition.parts if part.checksum)
    if not contents or len(contents) < len(partition.parts):
        return partition.fingerprint or ""
    return hashlib.sha256("\n".join(contents).encode()).hexdigest()

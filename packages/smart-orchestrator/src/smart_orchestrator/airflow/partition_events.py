"""Asset events with partition keys: one event for each version of a partition that a check has verified.

Airflow 3.3 has two kinds of asset events. Events with a partition key start DAGs with a `PartitionedAssetTimetable`. Events without a
key start all other DAGs that are scheduled on the asset. A task that updates an asset therefore emits both kinds: an event with a key for
each newly verified partition, and one event without a key. Airflow accepts both kinds from one task only if one of them is emitted through
an asset alias. Here, the event without a key is emitted through the alias.

Airflow's state store of the asset keeps the version of each partition whose event was emitted. A re-run, a cleared task or another DAG with
the same asset emits the event of a partition again only if the data of the partition have changed. Airflow records the events of a task
only if the task succeeds. If a try fails, its events are lost, and the next try emits them again. If the task fails for good, they are
emitted by the next run, or by the task itself when it is cleared. A cleared task that had succeeded emits nothing again.

With the first event, Airflow stores that the alias belongs to the asset. If two tasks store this at the same moment, Airflow 3.3 marks one
of them as failed, although its work is done. Until the first event is recorded, tasks therefore emit the events of an asset one after
another. Later tasks do not wait.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias

from smart_orchestrator.foreign import BadDocument, timestamp_field
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.plan import CLOCK_SLACK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Context

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition

ALIAS_SUFFIX = "_updates"
# The final states of a task whose events Airflow has not recorded.
UNRECORDED = ("failed", "upstream_failed", "skipped")
# The key of the record of the first event. No partition key has this form.
FIRST_EVENT = "first event"
# A task that claims the first event waits this long, and then reads the claim again. Another task that saw no claim may have overwritten it.
CLAIM_SECONDS = 1.0


def partitioned_outlets(outlets: Iterable[object]) -> list[object]:
    """Return the outlets of a task, with the alias that `emit_partitions` needs after each asset.

    The name of the alias is the name of the asset followed by `_updates`. Give the result to the argument `outlets` of the task.
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
    number is unknown). Other fields that the task has set before are kept. Partitions that the check does not accept have no event.

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
    emissions = _Emissions(context, asset)
    keys = [key_text(partition.day) for partition in completeness.usable if emissions.claim_if_new(partition)]
    # Without keys, Airflow itself emits the event without a key, because the asset is an outlet of the task.
    if keys:
        emissions.wait_for_first_event()
        event.add_partitions(keys)
        alias = _alias(asset)
        context["outlet_events"][alias].add(asset, extra=dict(event.extra))
    return keys


def _alias(asset: Asset) -> AssetAlias:
    return AssetAlias(f"{asset.name}{ALIAS_SUFFIX}")


class _Emissions:
    """The record of what was emitted for an asset: for each key, the version of the data, the time, and the task and the try that emitted it."""

    def __init__(self, context: Context, asset: Asset) -> None:
        self._asset = asset
        self._store = context["asset_state_store"][asset]
        self._run_after = context["dag_run"].run_after
        self._ti = ti = context["ti"]
        # -1 is Airflow's index of a task that is not mapped.
        self._map_index = -1 if ti.map_index is None else ti.map_index
        task = ti.task_id if self._map_index == -1 else f"{ti.task_id}_{self._map_index}"
        self._source = f"{ti.dag_id}/{ti.run_id}/{task}"
        self._states: dict[str, str | None] = {}

    def claim_if_new(self, partition: Partition) -> bool:
        """Return whether this version of a partition has not been emitted. If so, record that this try emits it."""
        key, version = key_text(partition.day), _version(partition)
        emitted = self._store.get(key)
        if (
            isinstance(emitted, dict)
            and emitted.get("version") == version
            and self._needs_no_repetition(key, emitted)
        ):
            return False
        now = dt.datetime.now(tz=dt.UTC).isoformat()
        self._store.set(key, {"version": version, "emitted_at": now} | self._claim)
        return True

    def wait_for_first_event(self) -> None:
        """Return when the first event of the asset is recorded, or when this task is the one that emits it.

        If the process of the other task dies, Airflow still reports the task as running for a while. The wait ends when Airflow notices.
        """
        while True:
            first = self._store.get(FIRST_EVENT)
            first = first if isinstance(first, dict) else {}
            if first.get("recorded") or first == self._claim:
                return
            source = str(first.get("source", ""))
            # Without a claim, after an earlier try of this task, and after a deleted run, there is no other task to wait for.
            state = self._state(source) if source not in ("", self._source) else None
            if state == "success":
                self._store.set(FIRST_EVENT, first | {"recorded": True})
                return
            if state != "running":
                self._store.set(FIRST_EVENT, self._claim)
            time.sleep(CLAIM_SECONDS)

    @property
    def _claim(self) -> dict[str, Any]:
        """The fields of a record that name this task and this try."""
        return {"source": self._source, "try": self._ti.try_number}

    def _needs_no_repetition(self, key: str, emitted: dict[str, Any]) -> bool:
        """Return whether Airflow has recorded the event that `emitted` describes, or may still record it."""
        if emitted.get("recorded"):
            return True
        source = str(emitted.get("source"))
        if source == self._source:
            if emitted.get("try") == self._ti.try_number:
                return True
            # The task runs now, so its state does not say how its earlier tries ended.
            try:
                earliest = timestamp_field(emitted, "emitted_at", what=f"the record of {key}") - CLOCK_SLACK
            except BadDocument:
                return False
            return any(moment >= earliest for moment in self._recorded_events.get(key, ()))
        if source not in self._states:
            self._states[source] = self._state(source)
        if self._states[source] == "success":
            self._store.set(key, {**emitted, "recorded": True})
        return self._states[source] not in UNRECORDED

    @cached_property
    def _recorded_events(self) -> dict[str, list[dt.datetime]]:
        """For each key, the times at which Airflow has recorded events from earlier tries of this task. No event is older than the run."""
        from airflow.sdk.execution_time.context import InletEventsAccessors

        ti = self._ti
        own = (ti.dag_id, ti.run_id, ti.task_id, self._map_index)
        recorded: dict[str, list[dt.datetime]] = {}
        for event in InletEventsAccessors([self._asset])[self._asset].after(self._run_after.isoformat()):
            source = (event.source_dag_id, event.source_run_id, event.source_task_id, event.source_map_index)
            if event.partition_key and source == own:
                recorded.setdefault(event.partition_key, []).append(event.timestamp)
        return recorded

    def _state(self, source: str) -> str | None:
        """Return the state of a task that has emitted a key; None if its run was deleted."""
        dag_id, _, rest = source.partition("/")
        run_id, _, task = rest.rpartition("/")
        states: dict[str, dict[str, str | None]] = self._ti.get_task_states(dag_id=dag_id, run_ids=[run_id])
        return states.get(run_id, {}).get(task)


def _version(partition: Partition) -> str:
    """Return a digest of the data of a partition. If checksums are known, the digest stays the same when a run writes the same data again."""
    contents = sorted(f"{part.size} {part.checksum}" for part in partition.parts if part.checksum)
    if not contents or len(contents) < len(partition.parts):
        return partition.fingerprint or ""
    return hashlib.sha256("\n".join(contents).encode()).hexdigest()

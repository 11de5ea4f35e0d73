"""Requests the list of a day again, and compares it with the list in bronze."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from smart_orchestrator.checking import check
from smart_orchestrator.expected_error import ExpectedError
from smart_orchestrator.model.window import Window, today_utc
from smart_orchestrator.upstream.probe import Presence
from smart_orchestrator.upstream.recheck_store import Change
from smart_orchestrator.upstream.rechecks import Rechecks, Verdict
from wiki_trends.config.layers import layers
from wiki_trends.errors import ContractBroken
from wiki_trends.pipeline.lists.bronze import inspect_list, read_list
from wiki_trends.pipeline.lists.restatement import compare_lists, describe_changes, is_material, is_same_list
from wiki_trends.pipeline.lists.top_list import parse_top_list
from wiki_trends.pipeline.step_result import project_of
from wiki_trends.wikimedia.list_probe import request_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.model.partition import Partition
    from wiki_trends.config.settings import Settings

logger = logging.getLogger(__name__)


class ListComparison:
    """A `Comparison` of the API's list of a day with the list in bronze. The module `restatement` has the bounds of a material change.

    The comparison sends one request without retries, within the rate limits that all processes of the machine share.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def held_since(self, partition: Partition) -> dt.datetime | None:
        """Return the time at which the list in bronze was fetched; None if bronze does not have it."""
        manifest = inspect_list(partition.day, self._settings, self._settings.access).manifest
        if manifest is None:
            return None
        return _fetched_at(manifest.measured) or manifest.written_at

    def compare(self, partition: Partition, etag: str, now: dt.datetime) -> Verdict:
        """Request the list of a partition's day, and compare it. A list from a dump cannot be compared.

        Raises:
            ContactMissing: the request would go to Wikimedia, and no contact is set.
        """
        del etag  # The API's ETag changes with the form of the response, so it does not show whether the list has changed.
        settings, day = self._settings, partition.day
        list_partition = inspect_list(day, settings, settings.access)
        # Only the manifest of a list from a dump has `files`.
        if (
            not list_partition.available
            or list_partition.manifest is None
            or "files" in list_partition.manifest.measured
        ):
            return Verdict(Change.NONE, "the lake has no list of the API to compare it with")
        answer, body = request_list(settings, day, now)
        if answer.presence is not Presence.LANDED or not body:
            return Verdict(Change.UNKNOWN, answer.detail, until=answer.until)
        try:
            rows_now = parse_top_list(body, project=project_of(settings), access=settings.access, day=day)
        except ContractBroken as error:
            return Verdict(Change.UNKNOWN, str(error), until=answer.until)
        rows_before = read_list(day, settings, settings.access, list_partition)
        changes = compare_lists(rows_before, rows_now)
        detail = describe_changes(changes)
        if is_material(rows_before, rows_now):
            return Verdict(Change.MATERIAL, detail, answer.etag)
        if rows_before == rows_now:
            return Verdict(Change.NONE, detail, answer.etag)
        if is_same_list(rows_before, rows_now):
            detail = "the order of the rows"
        elif not any(changes[name] for name in ("new", "gone", "restated")):
            detail = "within the bounds, only ranks have changed"
        else:
            detail = f"within the bounds, {detail}"
        return Verdict(Change.COSMETIC, detail, answer.etag)


def list_rechecks(settings: Settings) -> Rechecks:
    """Return the rechecks of the diamond layer by the API's lists."""
    # With an automatic lag, the list of a day counts as landed after the largest lag.
    dataset = replace(layers(settings).diamond, lag=settings.max_lag)
    return Rechecks(dataset, ListComparison(settings))


def recheck_last_days(settings: Settings) -> None:
    """Recheck those of the last days (setting `days`) that are due for a recheck. An error is logged as a warning."""
    if not settings.recheck:
        return
    window = Window.of_last(settings.days, today_utc(), settings.max_lag)
    try:
        completeness = check(layers(settings).diamond, window, strays=False)
        # `ask` stores the answers in the lake, where the next check reads them.
        list_rechecks(settings).ask(completeness.partitions)
    except ExpectedError as error:
        logger.warning("The last days were not requested again: %s", error)


def _fetched_at(measured: Mapping[str, Any]) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(str(measured.get("fetched_at")))
    except ValueError:
        return None

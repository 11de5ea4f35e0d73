"""Step 1: fetches the lists of a day's most-viewed pages, and stores the exact bytes of the responses in bronze.

If bronze has a day, the day is not requested again unless it is restated. So a day can be rebuilt without Wikimedia. With the `all-access`
list, the step also fetches the desktop and mobile-web lists. Step 2 uses both lists to find automated traffic. Without them, step 2 skips
this check.

A list of another day or project raises `ContractBroken`. A missing main list raises `DayNotPublished`. In both cases nothing is
written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from smart_orchestrator.adapters.manifest import inspect
from smart_orchestrator.upstream.recheck_store import is_restated
from wiki_trends.config.layers import layers
from wiki_trends.errors import DayNotPublished
from wiki_trends.pipeline.lists.bronze import accesses_of, commit_list, inspect_list, read_list
from wiki_trends.pipeline.lists.restatement import compare_lists
from wiki_trends.pipeline.lists.top_list import ListRow, parse_top_list
from wiki_trends.pipeline.step_result import StepResult, Stopwatch, project_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from smart_orchestrator.model.partition import Partition
    from wiki_trends.config.settings import Settings
    from wiki_trends.wikimedia import RawAnswer, WikimediaClient

    RowsCallback: TypeAlias = Callable[[Sequence[ListRow]], None]


def fetch_top_pages(
    day: dt.date,
    settings: Settings,
    client: WikimediaClient,
    *,
    refresh: bool = False,
    on_rows: RowsCallback | None = None,
) -> StepResult:
    """Commit the API's responses for a UTC day to bronze, unless bronze has the day and the day is not restated.

    The manifest has `url`, `status`, `etag` and `fetched_at` (UTC) of the response. `lists` in the manifest has the devices
    whose lists were fetched with the day. If bronze already had a list, `changes` has the differences from that list.

    Args:
        day: the day of the list.
        settings: the settings, with project, access method and lake.
        client: an open client.
        refresh: whether to request the list even if bronze has the day.
        on_rows: a callback for the rows of the list; the step calls it as soon as they arrive, before the commit.

    Raises:
        DayNotPublished: the API does not have the list of the day.
        ContractBroken: a response is not the requested list.
    """
    watch = Stopwatch()
    refresh = refresh or _is_restated(day, settings)
    partition = inspect_list(day, settings, settings.access)
    if not refresh and _has_all_lists(day, settings, partition):
        if on_rows is not None:
            on_rows(read_list(day, settings, settings.access, partition))
        # `kept` counts the main list, which was not requested.
        return StepResult("fetch_top_pages", 0, partition.rows or 0, watch.seconds(), counts={"kept": 1})
    counting_client = client.counted()
    previous_rows = read_list(day, settings, settings.access, partition) if partition.available else None
    lists_by_access = _fetch_lists(day, settings, counting_client, refresh=refresh, on_rows=on_rows)
    main_list = lists_by_access.pop(settings.access)
    devices = _fetched_devices(day, settings, lists_by_access, refresh=refresh)
    step = StepResult(
        "fetch_top_pages",
        0,
        len(main_list.rows),
        watch.seconds(),
        requests=counting_client.counters.requests,
        retries=counting_client.counters.retries,
    )
    measured = step.to_json() | {"lists": devices}
    if previous_rows is not None:
        measured["changes"] = compare_lists(previous_rows, main_list.rows)
    # The main list is committed last, because its commit marks the day as fetched.
    for access, device_list in lists_by_access.items():
        commit_list(
            day,
            settings,
            access,
            device_list.response.body,
            device_list.rows,
            _response_source(device_list.response),
        )
    origin = _response_source(main_list.response)
    commit_list(day, settings, settings.access, main_list.response.body, main_list.rows, measured | origin)
    return step


def _is_restated(day: dt.date, settings: Settings) -> bool:
    """Return whether a recheck has found that the API has changed the list since the day's diamond partition was made."""
    if not settings.recheck:
        return False
    diamond = layers(settings).diamond
    return is_restated(diamond, inspect(diamond, day))


def _has_all_lists(day: dt.date, settings: Settings, partition: Partition) -> bool:
    """Return whether bronze has the main list and all lists by device that were fetched with it."""
    if not partition.available:
        return False
    if partition.manifest is None:
        return True  # Only a manifest names lists by device, so the main list is enough.
    devices = partition.manifest.measured.get("lists", ())
    return all(inspect_list(day, settings, access).available for access in devices)


class _FetchedList(NamedTuple):
    """A response and the rows of its list."""

    response: RawAnswer
    rows: list[ListRow]


def _fetched_devices(
    day: dt.date, settings: Settings, lists_by_access: Mapping[str, _FetchedList], *, refresh: bool
) -> list[str]:
    """Return the devices whose lists belong to the main list: those fetched now and, without a refresh, those fetched earlier."""
    return [
        access
        for access in accesses_of(settings)[1:]
        if access in lists_by_access or (not refresh and inspect_list(day, settings, access).available)
    ]


def _fetch_lists(
    day: dt.date, settings: Settings, client: WikimediaClient, *, refresh: bool, on_rows: RowsCallback | None
) -> dict[str, _FetchedList]:
    """Fetch the lists of a day concurrently, by access method. Skip a list by device that the API does not have."""
    project = project_of(settings)
    main_access, *devices = accesses_of(settings)
    if not refresh:
        devices = [access for access in devices if not inspect_list(day, settings, access).available]
    futures = {
        access: client.submit(client.top_pages, project, access, day) for access in (main_access, *devices)
    }

    def wait_for(access: str) -> _FetchedList:
        response = futures[access].result()
        return _FetchedList(response, parse_top_list(response.body, project=project, access=access, day=day))

    try:
        result = {main_access: wait_for(main_access)}
        if on_rows is not None:
            on_rows(result[main_access].rows)
        for access in devices:
            try:
                result[access] = wait_for(access)
            except DayNotPublished:
                continue  # Step 2 works without a list by device.
        return result
    finally:
        for future in futures.values():
            future.cancel()


def _response_source(response: RawAnswer) -> dict[str, Any]:
    """Return the source of a response, for the manifest."""
    return {
        "url": response.url,
        "status": response.status,
        "etag": response.etag,
        "fetched_at": response.fetched_at.isoformat(),
    }

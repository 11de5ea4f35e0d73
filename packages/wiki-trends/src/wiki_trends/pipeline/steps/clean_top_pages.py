"""Step 2: bronze -> silver. Keeps the articles, with their original ranks.

Silver's manifest lists each row that was left out, with the reason, and the number of rows for each reason. It also lists the suspect
rows, which are kept. The step uses three sources: the wiki's site information (namespaces, main page), the deny lists (titles), and the
desktop and mobile-web lists, which show unusual traffic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.errors import ContractError
from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.layers import layers
from wiki_trends.pipeline.cache.siteinfo import site_info
from wiki_trends.pipeline.lists.bronze import accesses_of, bronze_dataset, inspect_list, read_list
from wiki_trends.pipeline.lists.deny_list import denied_titles
from wiki_trends.pipeline.lists.device_share import BY_DEVICE_SINCE, DeviceLists
from wiki_trends.pipeline.lists.excluded import SUSPECT
from wiki_trends.pipeline.lists.row_filter import RowFilter, filter_rows
from wiki_trends.pipeline.step_result import StepResult, Stopwatch, project_of
from wiki_trends.wikimedia.siteinfo import folded

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    import polars as pl

    from smart_orchestrator.model.partition import Partition
    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.lists.row_filter import KeptRow
    from wiki_trends.wikimedia import SiteInfo, WikimediaClient


def clean_top_pages(day: dt.date, settings: Settings, client: WikimediaClient) -> StepResult:
    """Commit the articles of a day's list to silver.

    Columns: page (title with underscores, unique), page_display (title with spaces), views, rank (in the complete list,
    with ties), desktop_low and desktop_high (bounds of the share of the views that comes from desktops, null without
    the lists by device). Rows are ordered by rank, then page. The manifest's `excluded` lists the rows that were left out, and
    `suspect` the kept rows with an unusual desktop share.

    Raises:
        ContractError: bronze does not have the day.
        ContractBroken: the bytes in bronze are not the day's list.
        SettingError: the deny list cannot be used.
    """
    watch = Stopwatch()
    partition = inspect_list(day, settings, settings.access)
    rows = read_list(day, settings, settings.access, partition)
    silver = layers(settings).silver
    lake = lake_of(silver)
    counting_client = client.counted()
    site = site_info(project_of(settings), lake, counting_client)
    filtered_rows = filter_rows(
        rows, row_filter_of(settings, site, _read_device_lists(day, settings, partition))
    )
    frame = _to_frame(filtered_rows.kept)
    step = StepResult(
        "clean_top_pages",
        len(rows),
        frame.height,
        watch.seconds(),
        requests=counting_client.counters.requests,
        retries=counting_client.counters.retries,
        counts=filtered_rows.counts,
    )
    lists = {"excluded": filtered_rows.excluded, SUSPECT: filtered_rows.suspect}
    write_frame(silver, day, frame, measured=step.to_json() | lists, lake=lake)
    return step


def row_filter_of(settings: Settings, site: SiteInfo, devices: DeviceLists | None = None) -> RowFilter:
    """Make the row filter for the settings.

    Raises:
        SettingError: the deny list cannot be used.
    """
    language = project_of(settings).partition(".")[0]
    return RowFilter(
        site=site,
        denied=denied_titles(settings, language),
        devices=devices,
        low=settings.suspect_low,
        high=settings.suspect_high,
        keep=frozenset(folded(title) for title in settings.suspect_keep.split("|")) - {""},
    )


def _read_device_lists(day: dt.date, settings: Settings, partition: Partition) -> DeviceLists | None:
    """Read the lists by device that were fetched with the day's list; None if a device's list was not fetched."""
    _main_access, *devices = accesses_of(settings)
    fetched_devices = partition.manifest.measured.get("lists", ()) if partition.manifest else ()
    if not devices or not set(devices) <= set(fetched_devices):
        return None
    for access in devices:
        device_list = inspect_list(day, settings, access)
        if not device_list.available:
            # The list was fetched and later deleted. Without the list, silver would silently flag no page.
            raise ContractError(
                bronze_dataset(settings, access).name, day, device_list.code, [device_list.reason]
            )
    lists = (read_list(day, settings, access) for access in devices)
    return DeviceLists(*lists, by_device=day >= BY_DEVICE_SINCE)


def _to_frame(kept: Iterable[KeptRow]) -> pl.DataFrame:
    import polars as pl

    schema = {
        "page": pl.String,
        "page_display": pl.String,
        "views": pl.Int64,
        "rank": pl.Int64,
        "desktop_low": pl.Float64,
        "desktop_high": pl.Float64,
    }
    cells = [
        (title, title.replace("_", " "), views, rank, *(share or (None, None)))
        for (title, views, rank), share in kept
    ]
    return pl.DataFrame(cells, schema=schema, orient="row")

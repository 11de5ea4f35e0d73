"""The consumer that publishes the trends of a checked window, and the asset that the consumer updates. Two Dags share them.

The consumer skips a window that ends before the published window, so that a cleared task or a backfill of the Dag does not replace
newer trends. The run parameter `replace_newer` turns this protection off.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow.sdk import Asset, Param, get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from smart_orchestrator.airflow import postgres_url

if TYPE_CHECKING:
    import datetime as dt

    from smart_orchestrator.airflow.operators import Consumer
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.window import Window
    from wiki_trends.config.settings import Settings

TABLES = Asset("wiki_trends_tables")
REPLACE_NEWER = "replace_newer"
CONNECTION = "wiki_trends_warehouse"


def replace_newer_parameter() -> dict[str, Param]:
    """Return the Dag parameter `replace_newer`, for the argument `params` of a Dag."""
    description = "Publish this window even if the published window ends later."
    return {REPLACE_NEWER: Param(False, type="boolean", description=description)}  # noqa: FBT003 - Airflow's signature


def kept_message(window: Window, published_start: dt.date, published_end: dt.date) -> str:
    """Return the reason why an old window is not published."""
    return (
        f"the window {window} ends before the published window, {published_start} .. {published_end}, which is kept. "
        f'To replace it, trigger a run with {{"{REPLACE_NEWER}": true}}.'
    )


def trends_consumer(settings: Settings) -> Consumer:
    """Return the consumer that computes and publishes the trends of a window.

    The consumer writes to the warehouse in the connection `wiki_trends_warehouse`. If this connection does not exist, it writes
    to the warehouse in the settings.
    """

    def publish(completeness: Completeness) -> dict[str, object]:
        """Compute and publish the tables of the checked window."""
        from wiki_trends.errors import NewerPublished, NothingPublished, WarehouseError
        from wiki_trends.jobs.main import publish_trends

        warehouse = postgres_url(CONNECTION)
        publish_settings = settings if warehouse is None else replace(settings, warehouse=warehouse)
        keep_newer = not get_current_context()["params"].get(REPLACE_NEWER)
        try:
            if keep_newer:
                # Checked before the long analysis. The publish checks this again, because another Dag can publish in the meantime.
                refuse_older_window(publish_settings.warehouse, completeness)
            return publish_trends(publish_settings, completeness, keep_newer=keep_newer)
        except NewerPublished as newer:
            text = kept_message(completeness.window, newer.window_start, newer.window_end)
            raise AirflowSkipException(text) from newer
        except WarehouseError as error:
            if warehouse is None or isinstance(error, NothingPublished):
                raise
            # The error names the setting with the URL of the warehouse, but this URL is from the connection.
            fix = error.fix.replace("WIKI_TRENDS_WAREHOUSE", f"the connection {CONNECTION}")
            raise type(error)(warehouse=error.warehouse, problem=error.problem, fix=fix) from error

    return publish


def refuse_older_window(url: str, completeness: Completeness) -> None:
    """Raise `NewerPublished` if the last publish is of the same dataset and its window ends after the checked window."""
    from wiki_trends.errors import NothingPublished
    from wiki_trends.warehouse import open_warehouse
    from wiki_trends.warehouse.runs_table import refuse_older

    warehouse = open_warehouse(url)
    try:
        with warehouse.reading() as reader:
            last_run = reader.last_run()
    except NothingPublished:
        return
    refuse_older(completeness.dataset, completeness.window.last, last_run, warehouse.url)

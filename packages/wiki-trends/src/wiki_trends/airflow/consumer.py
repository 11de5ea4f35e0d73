"""The consumer of a checked window, and the asset that it updates: shared by the two Dags that run the analytics.

A scheduled run, a cleared task or a backfill of the Dag never replaces a newer window: the consumer skips a window that ends
before the published one, unless the parameter `replace_newer` of the run asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Asset, Param, get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from smart_orchestrator.airflow import postgres_url

if TYPE_CHECKING:
    from smart_orchestrator.airflow.operators import Consumer
    from smart_orchestrator.model.completeness import Completeness
    from wiki_trends.config.settings import Settings
    from wiki_trends.warehouse.base import RunRecord

TABLES = Asset("wiki_trends_tables")
REPLACE_NEWER = "replace_newer"
CONNECTION = "wiki_trends_warehouse"


def replace_newer_parameter() -> dict[str, Param]:
    """The parameter of a Dag that publishes a window even if the published window ends later."""
    description = "Publish this window even if the published tables hold one that ends later."
    return {REPLACE_NEWER: Param(False, type="boolean", description=description)}  # noqa: FBT003 - Airflow's signature


def trends_consumer(settings: Settings) -> Consumer:
    """The consumer that publishes into the warehouse of the settings, or of the connection `wiki_trends_warehouse`."""

    def trends(window: Completeness) -> dict[str, object]:
        """Compute and publish the tables of the checked window."""
        from wiki_trends.errors import WarehouseError
        from wiki_trends.jobs.main import publish_trends

        warehouse = postgres_url(CONNECTION)
        if not get_current_context()["params"].get(REPLACE_NEWER):
            newer = newer_publish(warehouse or settings.warehouse, window)
            if newer is not None:
                message = (
                    f"the window {window.window} ends before the published one, {newer.window_start} .. "
                    f"{newer.window_end}, which stays. To replace it, trigger a run with "
                    f'{{"{REPLACE_NEWER}": true}}.'
                )
                raise AirflowSkipException(message)
        try:
            return publish_trends(settings, window, warehouse)
        except WarehouseError as error:
            if warehouse is None or type(error) is not WarehouseError:
                raise
            # Inside Airflow the address is in the connection, and not in the setting that the error names.
            fix = error.fix.replace("WIKI_TRENDS_WAREHOUSE", f"the connection {CONNECTION}")
            raise WarehouseError(warehouse=error.warehouse, problem=error.problem, fix=fix) from error

    return trends


def newer_publish(warehouse: str, completeness: Completeness) -> RunRecord | None:
    """The published run of the same dataset, if its window ends after this one."""
    from wiki_trends.errors import NothingPublished
    from wiki_trends.warehouse import open_warehouse

    try:
        with open_warehouse(warehouse).reading() as reader:
            run = reader.last_run()
    except NothingPublished:
        return None
    same_dataset = run.dataset == completeness.dataset
    return run if same_dataset and run.window_end > completeness.window.last else None

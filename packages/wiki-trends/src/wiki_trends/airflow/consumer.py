"""The consumer of a checked window, and the asset that it updates: shared by the two Dags that run the analytics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Asset

from smart_orchestrator.airflow import postgres_url

if TYPE_CHECKING:
    from smart_orchestrator.airflow.operators import Consumer
    from smart_orchestrator.model.completeness import Completeness
    from wiki_trends.config.settings import Settings

TABLES = Asset("wiki_trends_tables")


def trends_consumer(settings: Settings) -> Consumer:
    """The consumer that publishes into the warehouse of the settings, or of the connection `wiki_trends_warehouse`."""

    def trends(window: Completeness) -> dict[str, object]:
        """Compute and publish the tables of the checked window."""
        from wiki_trends.jobs.main import publish_trends

        return publish_trends(settings, window, postgres_url("wiki_trends_warehouse"))

    return trends

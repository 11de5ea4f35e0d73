"""The provider metadata that Airflow reads from the entry point `apache_airflow_provider`."""

from __future__ import annotations

from typing import Any

INTEGRATION = "Smart orchestrator"


def provider_info() -> dict[str, Any]:
    """Return the metadata of the provider, as described in Airflow's `provider_info.schema.json`.

    Airflow calls this function when a process starts. The function therefore imports nothing.
    """
    return {
        "package-name": "smart-orchestrator",
        "name": "Smart orchestrator",
        "description": "Checks the partitions of a window in the lake itself, starts the pipeline for those that are missing, "
        "and runs a consumer on a complete window.",
        "integrations": [{"integration-name": INTEGRATION, "tags": ["service"]}],
        "operators": [
            {
                "integration-name": INTEGRATION,
                "python-modules": [
                    "smart_orchestrator.airflow.operators",
                    "smart_orchestrator.airflow.upstream",
                ],
            }
        ],
        "triggers": [
            {
                "integration-name": INTEGRATION,
                "python-modules": [
                    "smart_orchestrator.airflow.triggers",
                    "smart_orchestrator.airflow.upstream",
                ],
            }
        ],
    }

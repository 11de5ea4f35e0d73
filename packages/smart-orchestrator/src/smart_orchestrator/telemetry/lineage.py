"""Build OpenLineage events about the run of a consumer: the partitions that it reads, their verdicts and their version.

An event has one input for each dataset, however many partitions the window has; the partitions are a subset of the input. See
https://openlineage.io/docs/spec/object-model and `smart_orchestrator.telemetry.lineage_sink`, which sends the events.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smart_orchestrator.errors import LakeUrlError
from smart_orchestrator.extras import extra
from smart_orchestrator.model.dataset import PATH_ADAPTERS
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.store.urls import parse_lake_url, redacted_url
from smart_orchestrator.telemetry.lineage_sink import default_sink

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent
    from openlineage.client.generated.base import RunFacet

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.telemetry.lineage_sink import Sink

_PRODUCER = "https://pypi.org/project/smart-orchestrator/{version}"
# The longest error message that an event contains.
_MAX_MESSAGE_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Output:
    """A table that a consumer writes.

    Attributes:
        namespace: the namespace of the table, such as `postgres://HOST:PORT`.
        name: the name of the table in the namespace.
        rows: the number of rows that were written; None before the end of the run, or if it is not known.
    """

    namespace: str
    name: str
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class LineageRun:
    """One run of a consumer, which sends an event at its start and one at its end.

    Without a configured transport of the OpenLineage client, nothing is sent. A failed or slow transport never fails the run.

    Attributes:
        job: the name of the consumer.
        namespace: the namespace of the job.
        run_id: the unique id of the run.
        inputs: the datasets that the consumer reads, each with the check of its window.
        outputs: the tables that the consumer writes.
        sink: the sink of the events; None if no transport is configured.
    """

    job: str
    namespace: str
    run_id: str
    inputs: Sequence[tuple[Dataset, Completeness]]
    outputs: Sequence[Output] = ()
    sink: Sink | None = field(default=None, repr=False)

    @classmethod
    def start(
        cls, job: str, inputs: Sequence[tuple[Dataset, Completeness]], outputs: Sequence[Output] = ()
    ) -> LineageRun:
        """Return a new run, and send its START event."""
        sink = default_sink()
        if sink is None:
            return cls(job=job, namespace="", run_id="", inputs=inputs, outputs=outputs)
        with extra("openlineage"):
            from openlineage.client.uuid import generate_new_uuid

        run = cls(
            job=job,
            namespace=sink.namespace,
            run_id=str(generate_new_uuid()),
            inputs=inputs,
            outputs=outputs,
            sink=sink,
        )
        run._send("START", outputs)
        return run

    def complete(self, outputs: Sequence[Output] | None = None) -> None:
        """Send the COMPLETE event. `outputs` replaces the outputs of the START event."""
        self._send("COMPLETE", self.outputs if outputs is None else outputs)

    def fail(self, message: str) -> None:
        """Send the FAIL event. `message` is the reason, without secrets."""
        self._send("FAIL", self.outputs, message)

    def _send(self, state: str, outputs: Sequence[Output], message: str = "") -> None:
        if self.sink is not None:
            self.sink.send(run_event(self, state, outputs, message, dt.datetime.now(tz=dt.UTC)))


def run_event(
    run: LineageRun, state: str, outputs: Sequence[Output], message: str, now: dt.datetime
) -> RunEvent:
    """Return an event of a run. `state` is START, COMPLETE or FAIL; `message` is the reason for FAIL."""
    with extra("openlineage"):
        from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
        from openlineage.client.facet_v2 import error_message_run, job_type_job, processing_engine_run

    package_version = version("smart-orchestrator")
    producer = _PRODUCER.format(version=package_version)
    run_facets: dict[str, RunFacet] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
            version=package_version, name="smart-orchestrator", producer=producer
        )
    }
    if message:
        run_facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message[:_MAX_MESSAGE_LENGTH], "PYTHON", producer=producer
        )
    job_type = job_type_job.JobTypeJobFacet("BATCH", "SMART_ORCHESTRATOR", "JOB", producer=producer)
    return RunEvent(
        eventTime=now.isoformat(),
        producer=producer,
        eventType=RunState[state],
        run=Run(run.run_id, facets=run_facets),
        job=Job(run.namespace, run.job, facets={"jobType": job_type}),
        inputs=[_input(dataset, completeness, producer) for dataset, completeness in run.inputs],
        outputs=[_output(output, producer) for output in outputs],
    )


def _input(dataset: Dataset, completeness: Completeness, producer: str) -> InputDataset:
    """Return the input for one dataset: the partitions that are read, whether they passed the check, and their version."""
    with extra("openlineage"):
        from openlineage.client.event_v2 import InputDataset
        from openlineage.client.facet_v2 import (
            base_subset_dataset,
            data_quality_assertions_dataset,
            dataset_version_dataset,
        )

    namespace, name = dataset_name(dataset)
    partitions = [
        base_subset_dataset.Partition(
            dimensions={str(dataset.grain): key_text(partition.day)},
            identifier=_identifier(dataset, partition),
        )
        for partition in completeness.usable
    ]
    assertions = [
        data_quality_assertions_dataset.Assertion(
            assertion="partition_complete",
            success=completeness.accepts(partition),
            severity="error",
            name=key_text(partition.day),
            description=partition.reason,
            expected="complete",
            actual=f"{completeness.policy.state_of(partition)} ({partition.code})",
        )
        for partition in completeness.partitions
    ]
    assertions.append(
        data_quality_assertions_dataset.Assertion(
            assertion="window_ready",
            success=completeness.ready,
            severity="error",
            name=str(completeness.window),
            expected=f"coverage >= {completeness.policy.min_coverage:g} %",
            actual=f"coverage {completeness.coverage_pct:.1f} %",
        )
    )
    return InputDataset(
        namespace,
        name,
        facets={
            "version": dataset_version_dataset.DatasetVersionDatasetFacet(
                window_version(completeness), producer=producer
            )
        },
        inputFacets={
            "subset": base_subset_dataset.InputSubsetInputDatasetFacet(
                base_subset_dataset.PartitionSubsetCondition(partitions), producer=producer
            ),
            "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
                assertions, producer=producer
            ),
        },
    )


def _output(output: Output, producer: str) -> OutputDataset:
    with extra("openlineage"):
        from openlineage.client.event_v2 import OutputDataset
        from openlineage.client.facet_v2 import output_statistics_output_dataset

    facets: Mapping[str, output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet] = {}
    if output.rows is not None:
        facets = {
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                rowCount=output.rows, producer=producer
            )
        }
    return OutputDataset(output.namespace, output.name, outputFacets=dict(facets))


def _identifier(dataset: Dataset, partition: Partition) -> str:
    """Return the path of a partition below the dataset; for a table, its key."""
    return dataset.key(partition.day) if dataset.adapter in PATH_ADAPTERS else key_text(partition.day)


def window_version(completeness: Completeness) -> str:
    """Return a digest of the fingerprints of the partitions that can be read. It changes when any of them changes."""
    digest = hashlib.sha256()
    for partition in completeness.usable:
        digest.update(f"{key_text(partition.day)}={partition.fingerprint or ''}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def dataset_name(dataset: Dataset) -> tuple[str, str]:
    """Return the namespace and the name of a dataset, as https://openlineage.io/docs/spec/naming defines them."""
    if dataset.adapter in PATH_ADAPTERS or dataset.adapter == "delta":
        try:
            scheme, host, path = parse_lake_url(dataset.lake)
        except LakeUrlError:
            return "file", dataset.name
        names = [path.strip("/"), dataset.folder if dataset.adapter in PATH_ADAPTERS else ""]
        name = "/".join(part for part in names if part)
        if scheme == "file":
            return "file", f"/{name}"
        # The schemes that OpenLineage names in another way.
        scheme = {"s3a": "s3", "az": "wasbs"}.get(scheme, scheme)
        return f"{scheme}://{host}", name or "/"
    parts = urlsplit(redacted_url(dataset.lake))
    database = parts.path.strip("/")
    database_type = parts.scheme.partition("+")[0]  # Without a driver, as in `postgresql+psycopg`.
    scheme = {"postgresql": "postgres"}.get(database_type, database_type)
    table = dataset.table or dataset.name
    return f"{scheme}://{parts.netloc}", f"{database}.{table}" if database else table

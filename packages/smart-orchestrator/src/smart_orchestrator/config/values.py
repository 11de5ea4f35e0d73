"""The values of a configuration file. The classes of the runners are in the module `runners`."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.config.tables import unknown_name_error

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from smart_orchestrator.config.runner_options import RunnerConfig
    from smart_orchestrator.config.upstream import UpstreamConfig
    from smart_orchestrator.model.completeness import Policy
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.event import Event
    from smart_orchestrator.model.freshness import Objective
    from smart_orchestrator.model.grain import Grain


class ConsumerConfig(NamedTuple):
    """A command that runs when the windows of the datasets that it reads are ready.

    Attributes:
        name: the `NAME` of the table `[consumers.NAME]`.
        datasets: the names of the datasets that the command reads.
        last: the number of keys in the window; the window contains the last keys that the upstream has published.
        command: the command as a list of arguments. `{start}` and `{end}` become the first and the last key of the window.
        policy: the conditions under which a window is ready.
        grain: the grain of the window; None for the grain of the dataset. When this grain is coarser than that of a dataset,
            the command needs every partition of the dataset within the window.
        timezone: the IANA name of the time zone of the window's keys; None for the time zone of the dataset.
    """

    name: str
    datasets: tuple[str, ...]
    last: int
    command: tuple[str, ...]
    policy: Policy
    grain: Grain | None = None
    timezone: str | None = None

    @property
    def zone(self) -> dt.tzinfo | None:
        """The time zone of the window's keys; None for the time zone of the dataset."""
        if not self.timezone:
            return None
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.timezone)


class MessagesConfig(NamedTuple):
    """A table `[messages.NAME]`: the addresses that receive messages about some events.

    Attributes:
        name: the `NAME` of the table.
        urls_variable: the name of the environment variable with the addresses, as Apprise URLs separated by spaces.
        events: the events that the addresses receive.
        datasets: the names of the datasets whose events the addresses receive; empty for all datasets.
    """

    name: str
    urls_variable: str
    events: tuple[Event, ...]
    datasets: tuple[str, ...] = ()


class Config(NamedTuple):
    """The contents of a configuration file.

    Attributes:
        path: the path of the file.
        state: the state folder, with the ledger of runs, the locks and the output of the commands.
        datasets: the datasets by name, ordered so that every dataset follows the datasets that it needs.
        policies: the conditions under which a window is ready, by the name of the dataset.
        waiver_urls: the URLs of separate lakes for waivers, by the name of the dataset. A dataset that is not in this mapping
            keeps its waivers in its own lake.
        runners: the runners by name.
        consumers: the consumers by name.
        objectives: the objectives of freshness, by the name of the dataset. Other datasets have no objective.
        messages: the addresses of messages, by the name of their table.
        metrics_file: the file to which metrics are written for the textfile collector of node_exporter; None to write none.
        upstreams: the upstreams of the datasets that have a probe, by the name of the dataset.
    """

    path: Path
    state: Path
    datasets: Mapping[str, Dataset]
    policies: Mapping[str, Policy]
    waiver_urls: Mapping[str, str]
    runners: Mapping[str, RunnerConfig]
    consumers: Mapping[str, ConsumerConfig]
    objectives: Mapping[str, Objective] = MappingProxyType({})
    messages: Mapping[str, MessagesConfig] = MappingProxyType({})
    metrics_file: Path | None = None
    upstreams: Mapping[str, UpstreamConfig] = MappingProxyType({})

    def dataset(self, name: str) -> Dataset:
        """Return the dataset called `name`.

        Raises:
            ConfigError: the file does not define this dataset.
        """
        if name not in self.datasets:
            raise unknown_name_error(str(self.path), "datasets", name, self.datasets)
        return self.datasets[name]

    def transitive_needs(self, name: str) -> list[str]:
        """Return the names of all direct and indirect needs of a dataset, every name after the names of its own needs."""
        found_needs: set[str] = set()
        pending = [name]
        while pending:
            needs = self.datasets[pending.pop()].needs
            pending += [need for need in needs if need not in found_needs]
            found_needs.update(needs)
        return [dataset for dataset in self.datasets if dataset in found_needs]

    def consumers_of(self, name: str) -> list[ConsumerConfig]:
        """Return the consumers that read the dataset called `name`."""
        return [consumer for consumer in self.consumers.values() if name in consumer.datasets]

"""The upstreams of the datasets of a configuration file."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smart_orchestrator.config.values import Config
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.upstream.rechecks import Rechecks
    from smart_orchestrator.upstream.watch import UpstreamWatch


class Upstreams:
    """The watches of the datasets that have a probe. The answers are in the state folder, which the processes of this machine share.

    Args:
        config: the configuration.
        now: the time that counts as the current time; by default, the clock is read each time.
    """

    def __init__(self, config: Config, now: dt.datetime | None = None) -> None:
        self._config = config
        self._now = now
        self._watches: dict[str, UpstreamWatch] = {}

    def watch(self, name: str) -> UpstreamWatch | None:
        """Return the watch of the dataset called `name`; None for a dataset without a probe."""
        upstream = self._config.upstreams.get(name)
        if upstream is None:
            return None
        if name not in self._watches:
            from smart_orchestrator.store.opening import open_lake
            from smart_orchestrator.upstream.configured import create_probe, create_watch

            dataset = self._config.dataset(name)
            self._watches[name] = create_watch(
                dataset,
                create_probe(upstream.probe, dataset, self._config.path),
                open_lake(str(self._config.state)),
                is_lag_automatic=upstream.is_lag_automatic,
                clock=self._clock,
            )
        return self._watches[name]

    def rechecks(self, name: str) -> Rechecks | None:
        """Return the rechecks of the dataset called `name`; None for a dataset without `recheck`."""
        dataset, watch = self._config.dataset(name), self.watch(name)
        if watch is None or not dataset.recheck:
            return None
        from smart_orchestrator.upstream.configured import create_probe
        from smart_orchestrator.upstream.rechecks import ProbeComparison, Rechecks

        probe = create_probe(self._config.upstreams[name].probe, dataset, self._config.path)
        return Rechecks(dataset, ProbeComparison(probe, watch.answer), clock=self._clock)

    def _clock(self) -> dt.datetime:
        return self._now or dt.datetime.now(tz=dt.UTC)

    def lag(self, dataset: Dataset, as_of: Key) -> int:
        """Return the publication lag of a dataset: the fixed one, or the number of grains from the newest landed key to `as_of`.

        Raises:
            ConfigError: the configuration of the probe is wrong.
            LakeError: the state folder cannot be used.
        """
        watch = self.watch(dataset.name)
        return dataset.lag if watch is None else watch.lag(as_of)

    def apply(self, completeness: Completeness) -> Completeness:
        """Mark the keys of a window that have not landed, and those that are restated.

        A window of a dataset without a probe is returned unchanged.

        Raises:
            ConfigError: the configuration of the probe is wrong.
            LakeError: the state folder cannot be used.
        """
        watch, rechecks = self.watch(completeness.dataset), self.rechecks(completeness.dataset)
        completeness = completeness if watch is None else watch.apply(completeness)
        return completeness if rechecks is None else rechecks.apply(completeness)

"""Create the probe that a table of the configuration describes, and the watch of an upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.config.functions import load_function
from smart_orchestrator.upstream.program_probes import CommandProbe, FunctionProbe
from smart_orchestrator.upstream.shared_document import object_key
from smart_orchestrator.upstream.store import AnswerStore
from smart_orchestrator.upstream.url_probe import UrlProbe
from smart_orchestrator.upstream.watch import UpstreamWatch, now_utc

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from pathlib import Path

    from smart_orchestrator.config.upstream import ProbeConfig
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake
    from smart_orchestrator.upstream.probe import Probe


def create_probe(config: ProbeConfig, dataset: Dataset, path: Path) -> Probe:
    """Create the probe of a dataset.

    Args:
        config: the description of the probe.
        dataset: the dataset whose keys are asked about.
        path: the path of the configuration file. Commands run in the folder of this file, and functions are
            imported from this folder.
    """
    option = f"datasets.{dataset.name}.probe"
    if config.url:
        return UrlProbe(config.url, config.method, config.timeout)
    if config.command:
        return CommandProbe(config.command, dataset, config.timeout, path, f"{option}.command")
    return FunctionProbe(lambda: load_function(config.function, path, f"{option}.function"))


def create_watch(
    dataset: Dataset,
    probe: Probe | None,
    lake: Lake,
    *,
    is_lag_automatic: bool,
    in_dataset: bool = False,
    clock: Callable[[], dt.datetime] = now_utc,
) -> UpstreamWatch:
    """Create the watch of an upstream.

    Args:
        dataset: the dataset. Its `lag` is the fixed lag or, with an automatic lag, the outer bound; see `upstream.watch`.
        probe: the probe of the upstream; None to use only the stored answers.
        lake: the lake that contains the stored answers.
        is_lag_automatic: whether a key is expected as soon as it has landed.
        in_dataset: whether the stored answers are in the folder of the dataset; set if `lake` is the lake of the dataset.
        clock: the function that returns the current time in UTC.
    """
    store = AnswerStore(lake, object_key(dataset, "json", in_dataset=in_dataset), dataset.grain)
    return UpstreamWatch(dataset, probe, store, is_lag_automatic=is_lag_automatic, clock=clock)

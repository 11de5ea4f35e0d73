"""Create the probe that a table of the configuration describes, and the watch of an upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from smart_orchestrator.config.functions import load_function
from smart_orchestrator.upstream.program_probes import CommandProbe, FunctionProbe
from smart_orchestrator.upstream.store import AnswerStore
from smart_orchestrator.upstream.url_probe import UrlProbe
from smart_orchestrator.upstream.watch import UpstreamWatch

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from pathlib import Path

    from smart_orchestrator.config.upstream import ProbeConfig, UpstreamConfig
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake
    from smart_orchestrator.upstream.probe import Probe

# The folder of the answers, in the state folder or in the lake.
FOLDER = "_upstream"


def create_probe(config: ProbeConfig, dataset: Dataset, path: Path) -> Probe:
    """Create the probe of a dataset.

    Args:
        config: the description of the probe.
        dataset: the dataset whose keys are asked about.
        path: the path of the configuration file. Commands run in the folder of this file, and functions are imported from this
            folder.
    """
    option = f"datasets.{dataset.name}.probe"
    if config.url:
        return UrlProbe(config.url, config.method, config.timeout)
    if config.command:
        folder = path.absolute().parent
        return CommandProbe(config.command, dataset, config.timeout, folder, (str(path), f"{option}.command"))
    return FunctionProbe(lambda: load_function(config.function, path, f"{option}.function"))


def create_watch(
    config: UpstreamConfig, dataset: Dataset, path: Path, lake: Lake, clock: Callable[[], dt.datetime]
) -> UpstreamWatch:
    """Create the watch of the upstream of a dataset. `lake` contains the memory of its answers."""
    return watch_of(
        dataset,
        create_probe(config.probe, dataset, path),
        lake,
        is_lag_automatic=config.is_lag_automatic,
        clock=clock,
    )


def watch_of(
    dataset: Dataset,
    probe: Probe | None,
    lake: Lake,
    *,
    is_lag_automatic: bool,
    clock: Callable[[], dt.datetime],
    folder: str = FOLDER,
) -> UpstreamWatch:
    """Create a watch with a probe; without one, it uses only the remembered answers. `lake` contains the memory of its answers, in the folder `folder`."""
    store = AnswerStore(lake, f"{folder}/{quote(dataset.name, safe=' ')}.json", dataset.grain)
    return UpstreamWatch(dataset, probe, store, is_lag_automatic=is_lag_automatic, clock=clock)

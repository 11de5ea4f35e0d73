"""Parse what the configuration file says about freshness, messages and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.config.tables import suggestion, unknown_name_error
from smart_orchestrator.config.values import MessagesConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from smart_orchestrator.config.tables import ConfigTable
    from smart_orchestrator.model.event import Event
    from smart_orchestrator.model.freshness import Objective


def parse_objectives(dataset_tables: Mapping[str, ConfigTable]) -> dict[str, Objective]:
    """Parse `fresh` and `complete` of the `[datasets.NAME]` tables. Return the objectives by the name of the dataset.

    Raises:
        ConfigError: a value is invalid, or a dataset has `complete` without `fresh`.
    """
    texts = {
        name: (table.optional_text("fresh"), table.optional_text("complete"))
        for name, table in dataset_tables.items()
    }
    return {
        name: _parse_objective(dataset_tables[name], fresh, complete)
        for name, (fresh, complete) in texts.items()
        if fresh is not None or complete is not None
    }


def _parse_objective(table: ConfigTable, fresh: str | None, complete: str | None) -> Objective:
    from smart_orchestrator.model.freshness import (
        COMPLETE_EXAMPLE,
        FRESH_EXAMPLE,
        parse_complete,
        parse_objective,
    )

    if complete is not None:
        # `parse_objective` checks `complete` too, but its error does not say which of the two options is wrong.
        try:
            parse_complete(complete)
        except ValueError as error:
            fix = f'Write complete = "{COMPLETE_EXAMPLE}", for example.'
            raise table.error("complete", f"{complete!r} {error}", fix) from None
    if fresh is None:
        raise table.error("complete", "needs a deadline", f'Add fresh = "{FRESH_EXAMPLE}", for example.')
    try:
        return parse_objective(fresh, complete or "")
    except ValueError as error:
        fix = f'Write fresh = "{FRESH_EXAMPLE}", for example.'
        raise table.error("fresh", f"{fresh!r} {error}", fix) from None


def parse_messages(root: ConfigTable, datasets: Iterable[str]) -> dict[str, MessagesConfig]:
    """Parse the `[messages.NAME]` tables. `datasets` are the names of the datasets of the file.

    Raises:
        ConfigError: a value is invalid.
    """
    names = list(datasets)
    return {
        name: _parse_messages_table(name, table, names) for name, table in root.tables("messages").items()
    }


def _parse_messages_table(name: str, table: ConfigTable, datasets: list[str]) -> MessagesConfig:
    from smart_orchestrator.model.event import ALL_EVENTS

    messages = MessagesConfig(
        name=name,
        urls_variable=table.text("urls_variable"),
        events=tuple(_parse_event(table, text) for text in table.texts("on", ALL_EVENTS)),
        datasets=tuple(table.texts("datasets", ())),
    )
    table.reject_unknown_options()
    for dataset in messages.datasets:
        if dataset not in datasets:
            raise unknown_name_error(table.path, f"{table.prefix}.datasets", dataset, datasets)
    return messages


def _parse_event(table: ConfigTable, text: str) -> Event:
    from smart_orchestrator.model.event import ALL_EVENTS, Event

    if text not in ALL_EVENTS:
        fix = suggestion(text, ALL_EVENTS) or f"The events are {', '.join(ALL_EVENTS)}."
        raise table.error("on", f"{text!r} is not an event", fix)
    return Event(text)


def parse_metrics_file(root: ConfigTable, folder: Path) -> Path | None:
    """Parse `metrics_file`, relative to the folder of the configuration file; None without it.

    Raises:
        ConfigError: the value is not the name of a `.prom` file.
    """
    text = root.optional_text("metrics_file")
    if text is None:
        return None
    path = folder / text
    if path.suffix != ".prom":
        raise root.error(
            "metrics_file", f"{text!r} does not end in .prom, which node_exporter requires", "Rename it."
        )
    return path

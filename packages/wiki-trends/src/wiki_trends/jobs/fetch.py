"""Choose the first step of the pipeline for `wiki-trends fetch`, and describe the changes that `--refresh` found in the lists.

The first step gets the list of a day: it requests the list from the API, requests it again, or reads it from dump files.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from wiki_trends.errors import SettingError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from smart_orchestrator.backfilling.state import Outcome
    from smart_orchestrator.text.reports import Line
    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.run import Fetch


def first_step(
    settings: Settings,
    days: Sequence[dt.date],
    *,
    refresh: bool = False,
    files: Sequence[Path] = (),
    top: int | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Fetch | None:
    """Return the first step of the pipeline for the options of `fetch`; None for the default step.

    With `files`, the dump files are read before this function returns. Meanwhile, `on_progress` is called with the fraction of
    the files that has been read, from 0 to 1.

    Raises:
        SettingError: two options exclude each other, `files` are combined with several days, or a file is not a dump of the
            day.
    """
    from wiki_trends.pipeline import fetch_top_pages

    if not files:
        if top is not None:
            raise _option_conflict(
                "top", top, "applies to --from-dump only: the API returns 1,000 pages for a day"
            )
        return partial(fetch_top_pages, refresh=True) if refresh else None
    if refresh:
        raise _option_conflict(
            "from_dump", str(files[0]), "cannot be combined with --refresh, which reads the API"
        )
    if len(set(days)) != 1:
        raise _option_conflict(
            "from_dump", str(files[0]), f"contains one day, and {len(set(days))} days were given"
        )
    from wiki_trends.pipeline.dump.reader import read_dump
    from wiki_trends.pipeline.step_result import project_of
    from wiki_trends.pipeline.steps.fetch_from_dump import fetch_from_dump

    # By default, as many pages as the API returns.
    dump = read_dump(
        files, project=project_of(settings), day=days[0], top=top or 1000, on_progress=on_progress
    )
    return partial(fetch_from_dump, dump=dump)


def changes_of(settings: Settings, outcome: Outcome) -> dict[dt.date, Mapping[str, Any]]:
    """Return the changes that a refresh made in the list of each filled day, as recorded in the manifest in bronze."""
    from wiki_trends.pipeline.lists.bronze import inspect_list

    manifests = {day: inspect_list(day, settings, settings.access).manifest for day in outcome.filled}
    return {
        day: manifest.measured["changes"]
        for day, manifest in manifests.items()
        if manifest is not None and "changes" in manifest.measured
    }


def change_lines(changes: Mapping[dt.date, Mapping[str, Any]]) -> list[Line]:
    """Return a line for each list that a refresh changed."""
    from wiki_trends.pipeline.lists.restatement import describe_changes

    return [(f"{day}  {describe_changes(change)}", "") for day, change in sorted(changes.items())]


def _option_conflict(name: str, value: object, problem: str) -> SettingError:
    return SettingError(
        name=name,
        value=value,
        origin=f"--{name.replace('_', '-')}",
        problem=problem,
        fix="Give one DAY with --from-dump FILE, or --refresh without --from-dump.",
    )

"""Step 1: the lists of a day's most-viewed pages, kept in bronze byte for byte.

A day that bronze has already is not asked for again, so that it can be rebuilt without Wikimedia. With the `all-access`
list come those of desktops and of mobile pages, by which readers are told from programs; when the API has none of them,
the day is not judged by them. A list that is not the one asked for is `ContractBroken`, an `all-access` list that does
not exist `DayNotPublished`; then nothing is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from wiki_trends.errors import DayNotPublished
from wiki_trends.pipeline.lists.bronze import accesses_of, commit_list, inspect_list, read_list
from wiki_trends.pipeline.lists.restatement import changes
from wiki_trends.pipeline.lists.top_list import Listed, parse_top_list
from wiki_trends.pipeline.step_result import StepResult, Stopwatch, project_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from smart_orchestrator.model.partition import Partition
    from wiki_trends.config.settings import Settings
    from wiki_trends.wikimedia import RawAnswer, WikimediaClient

    RowsCallback: TypeAlias = Callable[[Sequence[Listed]], None]


def fetch_top_pages(
    day: dt.date,
    settings: Settings,
    client: WikimediaClient,
    *,
    refresh: bool = False,
    on_rows: RowsCallback | None = None,
) -> StepResult:
    """Commit the API's answers for a UTC day to bronze, unless the day is there.

    The manifest keeps url, status, etag and fetched_at (UTC), in `lists` which lists by access method the day is judged
    by, and after a refresh in `changes` what has changed since the list before.

    Args:
        day: of the list.
        settings: project, access method and lake.
        client: an open client.
        refresh: ask although bronze has the day.
        on_rows: called with the rows of the list as soon as they are known, before anything is committed.

    Raises:
        DayNotPublished: the API has no list of that day.
        ContractBroken: an answer is not the list asked for.
    """
    watch = Stopwatch()
    there = inspect_list(day, settings, settings.access)
    if not refresh and _is_whole(day, settings, there):
        if on_rows is not None:
            on_rows(read_list(day, settings, settings.access, there))
        return StepResult("fetch_top_pages", 0, there.rows or 0, watch.seconds(), counts={"kept": 1})
    counted = client.counted()
    before = read_list(day, settings, settings.access, there) if there.available else None
    fetched = _fetched(day, settings, counted, refresh=refresh, on_rows=on_rows)
    main = fetched.pop(settings.access)
    judged_by = [
        access
        for access in accesses_of(settings)[1:]
        if access in fetched or (not refresh and inspect_list(day, settings, access).available)
    ]
    step = StepResult(
        "fetch_top_pages",
        0,
        len(main.rows),
        watch.seconds(),
        requests=counted.counters.requests,
        retries=counted.counters.retries,
    )
    measured = step.to_json() | {"lists": judged_by}
    if before is not None:
        measured["changes"] = changes(before, main.rows)
    # The list by which the day is known to be there comes last.
    for access, side in fetched.items():
        commit_list(day, settings, access, side.answer.body, side.rows, _origin(side.answer))
    origin = _origin(main.answer)
    commit_list(day, settings, settings.access, main.answer.body, main.rows, measured | origin)
    return step


def _is_whole(day: dt.date, settings: Settings, there: Partition) -> bool:
    """Whether bronze has the list, and those by access method that came with it."""
    if not there.available or there.manifest is None:
        return there.available
    with_it = there.manifest.measured.get("lists", ())
    return all(inspect_list(day, settings, access).available for access in with_it)


class _Fetched(NamedTuple):
    answer: RawAnswer
    rows: list[Listed]


def _fetched(
    day: dt.date, settings: Settings, client: WikimediaClient, *, refresh: bool, on_rows: RowsCallback | None
) -> dict[str, _Fetched]:
    """The lists of a day by access method, asked for side by side; those that the API does not have are left out."""
    project = project_of(settings)
    first, *sides = accesses_of(settings)
    if not refresh:
        sides = [access for access in sides if not inspect_list(day, settings, access).available]
    asked = {access: client.submit(client.top_pages, project, access, day) for access in (first, *sides)}

    def parsed(access: str) -> _Fetched:
        answer = asked[access].result()
        return _Fetched(answer, parse_top_list(answer.body, project=project, access=access, day=day))

    try:
        result = {first: parsed(first)}
        if on_rows is not None:
            on_rows(result[first].rows)
        for access in sides:
            try:
                result[access] = parsed(access)
            except DayNotPublished:
                continue  # Without it the day is not judged.
        return result
    finally:
        for future in asked.values():
            future.cancel()


def _origin(answer: RawAnswer) -> dict[str, Any]:
    return {
        "url": answer.url,
        "status": answer.status,
        "etag": answer.etag,
        "fetched_at": answer.fetched_at.isoformat(),
    }

"""Step 1 with dump files instead of the API: a day's lists with any number of rows.

The lists are stored in bronze in the form of the API's responses, so the later steps do not change. The manifest lists the files.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

from wiki_trends.errors import ContractBroken
from wiki_trends.pipeline.lists.bronze import accesses_of, commit_list
from wiki_trends.pipeline.step_result import StepResult, Stopwatch, project_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.dump.reader import Dump
    from wiki_trends.pipeline.lists.top_list import ListRow
    from wiki_trends.pipeline.steps.fetch_top_pages import RowsCallback
    from wiki_trends.wikimedia import WikimediaClient


def fetch_from_dump(
    day: dt.date,
    settings: Settings,
    client: WikimediaClient,
    *,
    dump: Dump,
    on_rows: RowsCallback | None = None,
) -> StepResult:
    """Commit the lists of a dump to bronze, and replace earlier lists. Sends no request to Wikimedia.

    Each manifest has `files`, the names of the dump files. The manifests of lists from the API have no `files`.

    Raises:
        ContractBroken: the dump has no views by the access method of the settings.
    """
    del client  # A first step must have this parameter, see `Fetch` in `run.py`.
    watch = Stopwatch()
    main_access, *devices = accesses_of(settings)
    rows = dump.lists[main_access]
    if not rows:
        what = f"the dump of {day} ({', '.join(dump.files)})"
        raise ContractBroken(what=what, problem=f"it holds no views by {main_access}")
    if on_rows is not None:
        on_rows(rows)
    devices_with_rows = [access for access in devices if dump.lists[access]]
    step = StepResult(
        "fetch_from_dump", dump.records, len(rows), watch.seconds(), counts={"broken_lines": dump.broken}
    )
    measured = step.to_json() | {
        "lists": devices_with_rows,
        "files": list(dump.files),
        "fetched_at": dt.datetime.now(tz=dt.UTC).isoformat(),
    }
    # The main list is committed last, because its commit marks the day as fetched.
    for access in (*devices_with_rows, main_access):
        list_rows = dump.lists[access]
        commit_list(
            day, settings, access, _response_body(day, settings, access, list_rows), list_rows, measured
        )
    return step


def _response_body(day: dt.date, settings: Settings, access: str, list_rows: Sequence[ListRow]) -> bytes:
    """Convert a list to the body of a response of the API."""
    item = {
        "project": project_of(settings),
        "access": access,
        "year": f"{day:%Y}",
        "month": f"{day:%m}",
        "day": f"{day:%d}",
        "articles": [{"article": row.title, "views": row.views, "rank": row.rank} for row in list_rows],
    }
    return json.dumps({"items": [item]}, ensure_ascii=False).encode()

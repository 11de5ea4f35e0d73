"""Answers `prop=revisions`, for the parts of the main page and for the histories of pages, and the log of created pages."""

from __future__ import annotations

import datetime as dt
import random
import re
from typing import TYPE_CHECKING, Any

from wiki_trends.sample.evidence.causes import (
    FIRST_DAY,
    LAST_DAY,
    PROJECT,
    causes_by_day,
    causes_of,
    plain_titles,
    planted_causes,
    title_of,
    traffic_of,
)
from wiki_trends.sample.responses import Response, json_response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FEATURED = "Wikipedia:Today's featured article/"
_NEWS, _DID_YOU_KNOW = "Template:In the news", "Template:Did you know"
_ON_THIS_DAY = "Wikipedia:Selected anniversaries/"
_NEWS_DAYS = 3
_ONE_DAY = dt.timedelta(days=1)


def respond_creations(params: Mapping[str, str], seed: int, project: str) -> Response:
    """Answer `list=logevents` for the first page that was created after `lestart`."""
    events: list[dict[str, Any]] = []
    if project == PROJECT:
        day = dt.date.fromisoformat(params.get("lestart", "")[:10])
        while not events and FIRST_DAY <= day <= LAST_DAY:
            numbers = [cause.number for cause in causes_of(seed, "created", day)]
            # The ids of new pages grow with the time of creation, so the smallest id is that of the first page.
            ids = sorted(traffic_of(seed).catalogue.details(number).page_id for number in numbers)
            events = [{"logid": ids[0], "pageid": ids[0], "logpage": ids[0]}] if ids else []
            day += _ONE_DAY
    return json_response({"batchcomplete": True, "query": {"logevents": events}})


def respond_revisions(params: Mapping[str, str], seed: int, project: str) -> Response:
    """Answer a request for the texts of pages of the main page, or for the history of one page."""
    titles = params.get("titles", "").split("|")
    if "content" in params.get("rvprop", ""):
        start = params.get("rvstart", "")[:10]
        day = dt.date.fromisoformat(start) if start else None
        pages = [_page_of_the_main_page(title, day, seed, project) for title in titles]
        return json_response({"batchcomplete": True, "query": {"pages": pages}})
    return _respond_history(params, titles[0], seed, project)


def _page_of_the_main_page(title: str, day: dt.date | None, seed: int, project: str) -> dict[str, Any]:
    text = _text(title, day, seed) if project == PROJECT else None
    if text is None:
        return {"ns": 4, "title": title, "missing": True}
    slot = {"contentmodel": "wikitext", "contentformat": "text/x-wiki", "content": text}
    revision = {
        "revid": 1_300_000_000 + (day or FIRST_DAY).toordinal(),
        "parentid": 1,
        "slots": {"main": slot},
    }
    return {"ns": 4, "title": title, "pageid": 7, "revisions": [revision]}


def _text(title: str, day: dt.date | None, seed: int) -> str | None:
    if title.startswith(_FEATURED):
        name = title.removeprefix(_FEATURED)
        return _featured(dt.datetime.strptime(name, "%B %d, %Y").replace(tzinfo=dt.UTC).date(), seed)
    if day is None:
        return None
    if title == _NEWS:
        return _news(day, seed)
    if title == _DID_YOU_KNOW:
        return _did_you_know(day, seed)
    return _on_this_day(day, seed) if title.startswith(_ON_THIS_DAY) else None


def _shown(seed: int, kind: str, day: dt.date) -> Iterator[tuple[str, bool]]:
    for cause in causes_of(seed, kind, day):
        yield title_of(seed, cause.number), cause.is_typical


def _featured(day: dt.date, seed: int) -> str:
    first, *others = plain_titles(seed, f"featured/{day}", 4)
    for title, is_typical in _shown(seed, "featured", day):
        # The form that no rule expects: the link leads to a redirect to the article.
        first = title if is_typical else f"{title} (article)"
    mentions = [
        title_of(seed, cause.number) for cause in causes_by_day(seed).get(day, ()) if cause.kind == "none"
    ]
    links = ", ".join(f"[[{name}]]" for name in (*others, *mentions))
    return f"'''[[{first}]]''' is a subject with {links}. ('''[[{first}|Full&nbsp;article...]]''')"


def _news(day: dt.date, seed: int) -> str:
    lines = [
        f"* '''[[{name}]]''' is in the news."
        for name in plain_titles(seed, f"news/{day.isocalendar()[:2]}", 3)
    ]
    deaths = list[str]()
    for back in range(_NEWS_DAYS):
        begin = day - back * _ONE_DAY
        for title, is_typical in _shown(seed, "in the news", begin):
            lines.append(
                f"* A '''[[{title}|new report]]''' appears."
                if is_typical
                else f"* A report on [[{title}]] appears."
            )
        lines += [f"* It concerns [[{title}]]." for title, _is_typical in _shown(seed, "none", begin)]
        deaths += [
            title_of(seed, cause.number)
            for cause in causes_by_day(seed).get(begin, ())
            if cause.is_recent_death
        ]
    names = "\n".join(f"* [[{name}]]" for name in deaths)
    return "\n".join([*lines, "{{In the news/footer", "|currentevents =", f"|recentdeaths =\n{names}", "}}"])


def _did_you_know(day: dt.date, seed: int) -> str:
    lines = [f"* ... that '''[[{name}]]''' is old?" for name in plain_titles(seed, f"did-you-know/{day}", 6)]
    for title, is_typical in _shown(seed, "did you know", day):
        lines.append(
            f"* ... that [[{title}|'''it''']] is new?"
            if is_typical
            else f"* ... that {{{{bold|[[{title}]]}}}} is new?"
        )
    lines += [f"* ... that [[{title}]] has a neighbour?" for title, _is_typical in _shown(seed, "none", day)]
    return "\n".join(lines)


def _on_this_day(day: dt.date, seed: int) -> str:
    lines = [
        f"* 1850 – '''[[{name}]]''' began." for name in plain_titles(seed, f"on-this-day/{day:%m-%d}", 4)
    ]
    lines += [
        f"* 1900 – '''[[{title}]]''' began."
        for title, is_typical in _shown(seed, "on this day", day)
        if is_typical
    ]
    # The form that no rule expects: the event is on the page of the day after the rise. Readers in eastern time zones see it earlier.
    before = _shown(seed, "on this day", day - _ONE_DAY)
    lines += [f"* 1901 – '''[[{title}]]''' began." for title, is_typical in before if not is_typical]
    return "\n".join(lines)


def _respond_history(params: Mapping[str, str], title: str, seed: int, project: str) -> Response:
    page: dict[str, Any] = {"ns": 0, "title": title}
    catalogue_page = (
        traffic_of(seed).catalogue.by_title.get(title.replace(" ", "_")) if project == PROJECT else None
    )
    result: dict[str, Any] = {"batchcomplete": True}
    if catalogue_page is not None:
        newest, oldest = (dt.date.fromisoformat(params[name][:10]) for name in ("rvstart", "rvend"))
        revisions = list(_revisions(catalogue_page.number, newest, oldest, seed))
        limit = int(params.get("rvlimit", "10"))
        if len(revisions) > limit:
            result = {"continue": {"rvcontinue": "next", "continue": "||"}}
        page |= {"pageid": catalogue_page.number, "revisions": revisions[:limit]}
    else:
        page["missing"] = True
    return json_response(result | {"query": {"pages": [page]}})


def _revisions(number: int, newest: dt.date, oldest: dt.date, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the revisions of a page between two days, newest first."""
    created = _created(number, seed)
    day = newest
    while day >= oldest and (created is None or day >= created):
        count = _edit_count(number, day, seed)
        if day == created:
            count += 1
        comments = ["copyedit"] * count
        comments += [comment for comment in [_move_comment(number, day, seed)] if comment]
        for position, comment in reversed(list(enumerate(comments))):
            is_first = day == created and position == 0
            yield {
                "revid": 10_000 * day.toordinal() + position,
                "parentid": 0 if is_first else 1,
                "timestamp": f"{day}T{position % 24:02}:00:00Z",
                "comment": comment,
            }
        day -= _ONE_DAY


def _created(number: int, seed: int) -> dt.date | None:
    """Return the day on which a new page was created: the first day of its rise, or days before it as a draft."""
    for cause in planted_causes(seed).values():
        if cause.kind == "created" and cause.number == number:
            return cause.start if cause.is_typical else cause.start - dt.timedelta(days=12)
    return None


def _edit_count(number: int, day: dt.date, seed: int) -> int:
    rng = random.Random(f"{seed}/edits/{number}")
    # The average number of edits a day. A tenth of the pages is always edited often.
    rate = rng.uniform(4, 9) if rng.random() < 0.1 else rng.uniform(0.02, 0.4)
    daily = random.Random(f"{seed}/edits/{number}/{day}")
    count = int(rate) + (daily.random() < rate % 1)
    # A cause leads to edits on the first two days of the rise.
    for start in (day, day - _ONE_DAY):
        cause = planted_causes(seed).get((number, start))
        if cause is not None and cause.kind == "edits":
            # The form that no rule expects: the cause leads to only a few edits.
            count += int(4 * rate) + (daily.randint(15, 40) if cause.is_typical else 3)
        if cause is not None and cause.kind == "none":
            count += 2
    return count


def _move_comment(number: int, day: dt.date, seed: int) -> str:
    cause = planted_causes(seed).get((number, day + _ONE_DAY))
    if cause is None or cause.kind != "moved":
        return ""
    title = title_of(seed, number)
    name = re.sub(r"\W+", " ", title).strip()
    text = f"moved page [[{name} (old)]] to [[{title}]]: see talk"
    return text if cause.is_typical else "renamed, as discussed"

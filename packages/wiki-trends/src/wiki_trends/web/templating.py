"""Renders the templates of the dashboard and the ones that it shares with the report.

Links work under any prefix, and the URLs of static files change with their content. No template contains an inline script
or style: the Content-Security-Policy forbids both. Everything is escaped; characters that change the direction of a title
are shown as their code, as in the report.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from jinja2 import ChoiceLoader, PackageLoader

from wiki_trends.report import assets
from wiki_trends.report.calendar import of_run
from wiki_trends.report.html.render import environment
from wiki_trends.report.sparkline import fitted
from wiki_trends.report.text import span_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wiki_trends.web.auth.guard import Visitor

STATIC = (Path(__file__).with_name("static"), Path(assets.__file__).parent)
# The only files of these folders that are served.
STATIC_NAMES = (
    ("app.js", "dashboard.css", "icon.svg"),
    (*assets.STYLES, *assets.CHART_SCRIPTS, *assets.PAGE_SCRIPTS),
)
NAVIGATION = (
    ("overview", "/", "Overview"),
    ("pages", "/pages", "Pages"),
    ("categories", "/categories", "Categories"),
    ("completeness", "/completeness", "Completeness"),
    ("runs", "/runs", "Runs"),
    ("left_out", "/left-out", "Left out"),
)
# Points of a sparkline, at most.
MAX_POINTS = 60
# The entry of the navigation under which a view without its own entry is shown.
PARENT_VIEW = {"page": "pages", "category": "categories", "day": "completeness"}


class Pages:
    """Renders templates. Thread-safe."""

    def __init__(self) -> None:
        loader = ChoiceLoader([PackageLoader("wiki_trends.web"), PackageLoader("wiki_trends.report")])
        self._templates = environment().overlay(loader=loader)
        self._versions = {
            name: _digest(folder / name)
            for folder, names in zip(STATIC, STATIC_NAMES, strict=True)
            for name in names
        }
        self.static_names = frozenset(self._versions)
        self._globals = {
            "navigation": NAVIGATION,
            "styles": (*assets.STYLES, "dashboard.css"),
            "chart_scripts": assets.CHART_SCRIPTS,
            "version": version("wiki-trends"),
            "moment": _moment,
            "seconds": _seconds,
            "change_class": _change_class,
            "thinned": partial(fitted, width=MAX_POINTS),
            "of_run": of_run,
            "span_text": span_text,
        }

    def page(
        self, name: str, root: str, visitor: Visitor, *, sign_in: str | None = None, **values: Any
    ) -> str:
        """Render a page.

        Args:
            name: name of the template, and of the entry in the navigation.
            root: prefix under which the app is mounted.
            visitor: who made the request.
            sign_in: path of the sign-in page; None if there is none.
            values: variables of the template.
        """

        def url(path: str, **query: object) -> str:
            values = {key: value for key, value in query.items() if value not in (None, "")}
            return root + quote(path, safe="/.-_~") + (f"?{urlencode(values)}" if values else "")

        def static(file: str) -> str:
            return f"{root}/static/{file}?v={self._versions[file]}"

        template = self._templates.get_template(f"{name}.html")
        return template.render(
            **self._globals,
            name=name,
            current=PARENT_VIEW.get(name, name),
            url=url,
            static=static,
            visitor=visitor,
            sign_in=sign_in,
            **values,
        )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _moment(value: dt.datetime) -> Mapping[str, str]:
    """A moment for `<time>`: the ISO form, and the text that is shown without a script."""
    utc = value.astimezone(dt.UTC)
    return {"iso": utc.isoformat(timespec="seconds"), "text": f"{utc:%Y-%m-%d %H:%M} UTC"}


def _seconds(started: dt.datetime | None, ended: dt.datetime | None) -> str:
    """A duration for people; a dash while it is unknown."""
    if started is None or ended is None:
        return "–"
    duration = (ended - started).total_seconds()
    return f"{duration:.1f} s" if duration < 60 else f"{int(duration // 60)} min {int(duration % 60)} s"


def _change_class(change: float | None) -> str:
    """The CSS class of a change."""
    return "muted" if not change else "up" if change > 0 else "down"

"""Render the templates of the dashboard, including the templates that the dashboard shares with the report.

Links work under any path prefix, and the URL of a static file changes with the content of the file. No template contains an inline script
or style, because the Content-Security-Policy forbids both. All text is escaped. A page shows the code of a character that changes the
direction of text, not the character itself.
"""

from __future__ import annotations

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

if TYPE_CHECKING:
    from wiki_trends.web.auth.guard import Visitor

STATIC_FOLDERS = (Path(__file__).with_name("static"), Path(assets.__file__).parent)
# The files of each folder in `STATIC_FOLDERS` that the dashboard serves.
STATIC_FILE_NAMES = (
    ("app.js", "days.js", "suggestions.js", "dashboard.css", "icon.svg"),
    (*assets.STYLES, *assets.CHART_SCRIPTS, *assets.PAGE_SCRIPTS),
)
# The name, path and label of each navigation entry.
NAVIGATION = (
    ("overview", "/", "Overview"),
    ("pages", "/pages", "Pages"),
    ("categories", "/categories", "Categories"),
    ("completeness", "/completeness", "Completeness"),
    ("runs", "/runs", "Runs"),
    ("left_out", "/left-out", "Left out"),
)
# The navigation entry to highlight for each view that has no entry.
NAVIGATION_PARENTS = {
    "page": "pages",
    "compare": "pages",
    "category": "categories",
    "day": "completeness",
    "history": "completeness",
}
MAX_SPARKLINE_POINTS = 60


class PageTemplates:
    """Renders templates. Thread-safe."""

    def __init__(self) -> None:
        loader = ChoiceLoader([PackageLoader("wiki_trends.web"), PackageLoader("wiki_trends.report")])
        self._templates = environment().overlay(loader=loader)
        self._content_digests = {
            name: _content_digest(folder / name)
            for folder, names in zip(STATIC_FOLDERS, STATIC_FILE_NAMES, strict=True)
            for name in names
        }
        self.static_names = frozenset(self._content_digests)
        self._globals = {
            "navigation": NAVIGATION,
            "styles": (*assets.STYLES, "dashboard.css"),
            "chart_scripts": assets.CHART_SCRIPTS,
            "version": version("wiki-trends"),
            "change_class": _change_class,
            "thinned": partial(fitted, width=MAX_SPARKLINE_POINTS),
            "of_run": of_run,
        }

    def render(
        self, name: str, root: str, visitor: Visitor, *, sign_in: str | None = None, **values: Any
    ) -> str:
        """Render a page.

        Args:
            name: the name of the template, without `.html`, which is also the name of the view in the navigation.
            root: the prefix under which the app is mounted.
            visitor: the visitor who made the request.
            sign_in: the path of the sign-in page; None if the app has no sign-in page.
            values: the variables of the template.
        """

        def url(path: str, **query: object) -> str:
            parameters = {key: value for key, value in query.items() if value not in (None, "", False)}
            return (
                root
                + quote(path, safe="/.-_~")
                + (f"?{urlencode(parameters, doseq=True)}" if parameters else "")
            )

        def static(file: str) -> str:
            return f"{root}/static/{file}?v={self._content_digests[file]}"

        template = self._templates.get_template(f"{name}.html")
        return template.render(
            **self._globals,
            name=name,
            current=NAVIGATION_PARENTS.get(name, name),
            url=url,
            static=static,
            visitor=visitor,
            sign_in=sign_in,
            **values,
        )


def _content_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _change_class(change: float | None) -> str:
    """Return the CSS class for a change: `up`, `down`, or `muted` for no change and for an unknown change."""
    return "muted" if not change else "up" if change > 0 else "down"

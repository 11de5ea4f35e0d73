"""The HTML: the report's templates and a few of our own, links that hold under any prefix, static files kept forever.

No template contains a script or a style: the Content-Security-Policy forbids both. Everything is escaped, and what could
steer direction in a title is shown as its code, as in the report.
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
from wiki_trends.web.problems import without_paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wiki_trends.web.auth.guard import Visitor

STATIC = (Path(__file__).with_name("static"), Path(assets.__file__).parent)
NAVIGATION = (
    ("overview", "/", "Overview"),
    ("pages", "/pages", "Pages"),
    ("categories", "/categories", "Categories"),
    ("completeness", "/completeness", "Completeness"),
    ("runs", "/runs", "Runs"),
    ("left_out", "/left-out", "Left out"),
)
# A sparkline has no more points than that.
MOST_POINTS = 60
# Views that are reached from an entry of the navigation, and shown under it.
UNDER = {"page": "pages", "category": "categories", "day": "completeness"}


class Pages:
    """Renders templates. Safe from several threads."""

    def __init__(self) -> None:
        loader = ChoiceLoader([PackageLoader("wiki_trends.web"), PackageLoader("wiki_trends.report")])
        self._templates = environment().overlay(loader=loader)
        self._versions = {
            path.relative_to(folder).as_posix(): _digest(path)
            for folder in STATIC
            for path in folder.rglob("*")
            if path.suffix in (".js", ".css", ".svg")
        }
        self._always = {
            "navigation": NAVIGATION,
            "styles": (*assets.STYLES, "dashboard.css"),
            "chart_scripts": assets.CHART_SCRIPTS,
            "version": version("wiki-trends"),
            "plain": without_paths,
            "moment": _moment,
            "seconds": _seconds,
            "turn": _turn,
            "thinned": partial(fitted, width=MOST_POINTS),
            "of_run": of_run,
            "span_text": span_text,
        }

    def page(
        self, name: str, root: str, visitor: Visitor, *, sign_in: str | None = None, **values: Any
    ) -> str:
        """A page by the name of its template.

        Args:
            name: of the template, and of the entry in the navigation.
            root: the prefix under which the app is mounted.
            visitor: who looks.
            sign_in: where to sign in; None when there is no such page.
            values: for the template.
        """

        def url(path: str, **query: object) -> str:
            given = {key: value for key, value in query.items() if value not in (None, "")}
            return root + quote(path, safe="/.-_~") + (f"?{urlencode(given)}" if given else "")

        def static(file: str) -> str:
            return f"{root}/static/{file}?v={self._versions[file]}"

        template = self._templates.get_template(f"{name}.html")
        return template.render(
            **self._always,
            name=name,
            current=UNDER.get(name, name),
            url=url,
            static=static,
            visitor=visitor,
            sign_in=sign_in,
            **values,
        )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _moment(value: dt.datetime) -> Mapping[str, str]:
    """A moment for `<time>`: its machine form, and what people read without a script."""
    utc = value.astimezone(dt.UTC)
    return {"iso": utc.isoformat(timespec="seconds"), "text": f"{utc:%Y-%m-%d %H:%M} UTC"}


def _seconds(began: dt.datetime | None, ended: dt.datetime | None) -> str:
    """How long something took, for people; a dash while it is not known."""
    if began is None or ended is None:
        return "–"
    took = (ended - began).total_seconds()
    return f"{took:.1f} s" if took < 60 else f"{int(took // 60)} min {int(took % 60)} s"


def _turn(change: float | None) -> str:
    """The class of a change: up, down, or neither."""
    return "muted" if not change else "up" if change > 0 else "down"

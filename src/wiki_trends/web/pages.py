"""The HTML: Jinja templates that escape everything, links that hold under any prefix, static files that are kept forever.

No template contains a script or a style: the Content-Security-Policy forbids both. Text from the world goes through
`shown`, which makes characters that steer direction or hide visible as codes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from wiki_trends.report.text import counted, safe
from wiki_trends.web.problems import without_paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wiki_trends.web.guard import Visitor

STATIC = Path(__file__).with_name("static")
NAVIGATION = (
    ("overview", "/", "Overview"),
    ("pages", "/pages", "Pages"),
    ("categories", "/categories", "Categories"),
    ("completeness", "/completeness", "Completeness"),
    ("runs", "/runs", "Runs"),
    ("left_out", "/left-out", "Left out"),
)


class Pages:
    """Renders templates. Safe from several threads."""

    def __init__(self) -> None:
        self._versions = {path.name: _version(path) for path in STATIC.iterdir() if path.is_file()}
        self._templates = Environment(
            loader=PackageLoader("wiki_trends.web"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            shown=safe, number=_number, signed=_signed, percent=_percent, plain=without_paths, moment=_moment
        )
        self._templates.globals.update(
            counted=counted, navigation=NAVIGATION, wiki_link=wiki_link, len=len, zip=zip
        )

    def page(self, name: str, root: str, visitor: Visitor, sign_in: str | None = None, **values: Any) -> str:
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
        return template.render(name=name, url=url, static=static, visitor=visitor, sign_in=sign_in, **values)


def wiki_link(link: object) -> str | None:
    """The address of an article, if it is one that may be followed: http or https to a host. Otherwise None."""
    text = str(link)
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    good = (
        parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and "\\" not in text
    )
    return quote(text, safe="%/:=&?~#+!$,;'@()*[]") if good else None


def _version(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+,.0f}".replace("-", "−")


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:+,.{digits}f} %".replace("-", "−")


def _moment(value: dt.datetime) -> Mapping[str, str]:
    """A moment for `<time>`: its machine form, and what people read without a script."""
    utc = value.astimezone(dt.UTC)
    return {"iso": utc.isoformat(timespec="seconds"), "text": f"{utc:%Y-%m-%d %H:%M} UTC"}

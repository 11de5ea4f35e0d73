"""Static files of the HTML pages, as text: styles, scripts, the drawing library and an outline of the world."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

# In the order in which a page must load them.
STYLES = ("vendor/fonts.css", "base.css")
CHART_SCRIPTS = ("vendor/vega.min.js", "vendor/vega-interpreter.js", "charts.js")
PAGE_SCRIPTS = ("theme.js", "table.js")


@cache
def asset(name: str) -> str:
    """The text of an asset by its path below this folder, for example `base.css`."""
    text: str = files(__name__).joinpath(name).read_text(encoding="utf-8")
    return text

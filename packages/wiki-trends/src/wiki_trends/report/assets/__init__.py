"""The static files of the HTML pages, as text: styles, scripts, the chart library and a map of the world."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

# A page must load the files of each kind in this order.
STYLES = ("vendor/fonts.css", "base.css")
CHART_SCRIPTS = ("vendor/vega.min.js", "vendor/vega-interpreter.js", "charts.js")
PAGE_SCRIPTS = ("theme.js", "table.js")
REPORT_SCRIPTS = ("table.js", *CHART_SCRIPTS, "downloads.js")


@cache
def asset(name: str) -> str:
    """Return the text of an asset; `name` is its path below this folder, for example `base.css`."""
    text: str = files(__name__).joinpath(name).read_text(encoding="utf-8")
    return text

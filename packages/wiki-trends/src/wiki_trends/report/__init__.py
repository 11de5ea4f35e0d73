"""The report of the published window: built from the warehouse, then shown on a terminal or as JSON."""

from __future__ import annotations

from wiki_trends.report.build import build
from wiki_trends.report.model import Report, to_json
from wiki_trends.report.terminal import render

__all__ = ["Report", "build", "render", "to_json"]

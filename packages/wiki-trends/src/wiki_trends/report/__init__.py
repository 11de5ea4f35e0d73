"""The report of the published window: built from the warehouse, then shown on a terminal or as JSON."""

from __future__ import annotations

from wiki_trends.report.build import build_report
from wiki_trends.report.model import Report, to_json
from wiki_trends.report.terminal import render

__all__ = ["Report", "build_report", "render", "to_json"]

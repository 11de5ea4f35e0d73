"""Build the report of the published window from the warehouse, and render it as text, JSON or HTML."""

from __future__ import annotations

from wiki_trends.report.build import build_report
from wiki_trends.report.model import Report, to_json
from wiki_trends.report.terminal import render

__all__ = ["Report", "build_report", "render", "to_json"]

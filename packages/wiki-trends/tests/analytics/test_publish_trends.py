"""What an orchestrator learns from a publish: whether the published trends are others than before."""

from __future__ import annotations

from smart_orchestrator.model.window import Window
from testing.window_data import day_number
from wiki_trends.config.settings import load
from wiki_trends.jobs.main import checker_of_window, publish_trends


def test_a_publish_that_changes_nothing_says_so(place):
    place.write_days("2025-11-05", "2025-11-06")
    settings = load()
    check_again = checker_of_window(settings, Window.between(day_number(0), day_number(1), day_number(4)))
    assert publish_trends(settings, check_again())["changed"] is True
    assert publish_trends(settings, check_again())["changed"] is False
    place.write_days("2025-11-06", pages=5)
    assert publish_trends(settings, check_again())["changed"] is True

"""Finds the most-viewed pages of a day in pageview_complete files."""

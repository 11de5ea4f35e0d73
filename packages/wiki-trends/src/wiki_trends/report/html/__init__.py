"""Render the report and its charts as one HTML page."""

"""Queries of the published tables, for the command line, the reports and the dashboard."""

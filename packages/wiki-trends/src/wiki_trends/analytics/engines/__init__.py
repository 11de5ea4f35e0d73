"""Engines that compute the tables: DuckDB in this process, or Spark."""

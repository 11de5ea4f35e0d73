"""What computes the tables: DuckDB in this process, or Spark."""

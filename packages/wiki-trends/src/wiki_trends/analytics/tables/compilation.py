"""Compile the declared tables to SQL, and read the SQL files for DuckDB that the package contains.

The SQL for DuckDB is compiled before a release, because importing Ibis takes longer than computing a small window. After a
change of the declarations, run `python -m wiki_trends.analytics.tables.compilation` to write the files again. A test compares
the files with the declarations. The SQL for Spark is compiled for each analysis, because Spark takes longer to start anyway.
"""

from __future__ import annotations

from pathlib import Path

# The dialects, by their names in Ibis.
DUCKDB_DIALECT = "duckdb"
SPARK_DIALECT = "pyspark"

_SQL_FOLDER = Path(__file__).parent / "sql"


def duckdb_sql() -> dict[str, str]:
    """Return the SQL of each table for DuckDB, by table name and in the order of computation."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(_SQL_FOLDER.glob("*.sql"))}


def compile_tables(dialect: str) -> dict[str, str]:
    """Compile the declarations; return the SQL of each table, by table name and in the order of computation.

    The compilation needs Ibis and the Python package of the engine.
    """
    import warnings

    import ibis

    from wiki_trends.analytics.tables.declarations import declared

    with warnings.catch_warnings():
        # PySpark warns about the version of pandas, but this package does not use pandas.
        warnings.simplefilter("ignore", FutureWarning)
        # Load the backend, because that registers the options of its compiler.
        getattr(ibis, dialect)
    return {name: f"{ibis.to_sql(table, dialect=dialect)}\n" for name, table in declared().items()}


def main() -> None:
    """Write the SQL files for DuckDB into the package."""
    for path in _SQL_FOLDER.glob("*.sql"):
        path.unlink()
    for name, sql in compile_tables(DUCKDB_DIALECT).items():
        (_SQL_FOLDER / f"{name}.sql").write_text(sql, encoding="utf-8")


if __name__ == "__main__":
    main()

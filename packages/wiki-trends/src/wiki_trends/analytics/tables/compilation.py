"""Compile the declared tables to SQL, and read the SQL for DuckDB that the package ships.

DuckDB's SQL is compiled beforehand, because importing Ibis takes longer than computing a small window. After a change of
the declarations `python -m wiki_trends.analytics.tables.compilation` writes the files again. A test compares the files with
the declarations. Spark's SQL is compiled for each analysis, because Spark takes longer than that to start.
"""

from __future__ import annotations

from pathlib import Path

# Ibis's names of the dialects.
DUCKDB_DIALECT = "duckdb"
SPARK_DIALECT = "pyspark"

_FOLDER = Path(__file__).parent / "sql"


def duckdb_sql() -> dict[str, str]:
    """The shipped SQL of each table by name, in the order in which the tables are computed."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(_FOLDER.glob("*.sql"))}


def compile_tables(dialect: str) -> dict[str, str]:
    """Compile the SQL of each table from its declaration, by name, in the order in which the tables are computed.

    This needs Ibis and the engine's Python package.
    """
    import warnings

    import ibis

    from wiki_trends.analytics.tables.declarations import declared

    with warnings.catch_warnings():
        # PySpark warns about the pandas version; pandas is not used here.
        warnings.simplefilter("ignore", FutureWarning)
        # Loading the backend registers the options that its compiler reads.
        getattr(ibis, dialect)
    return {name: f"{ibis.to_sql(table, dialect=dialect)}\n" for name, table in declared().items()}


def main() -> None:
    """Write DuckDB's SQL of all tables into the package."""
    for path in _FOLDER.glob("*.sql"):
        path.unlink()
    for name, sql in compile_tables(DUCKDB_DIALECT).items():
        (_FOLDER / f"{name}.sql").write_text(sql, encoding="utf-8")


if __name__ == "__main__":
    main()

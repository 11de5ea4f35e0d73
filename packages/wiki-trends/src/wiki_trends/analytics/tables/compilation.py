"""Compile the declared tables to SQL, and read the SQL that the package ships.

The SQL is compiled beforehand because importing Ibis takes longer than computing a small window. After a change of the
declarations `python -m wiki_trends.analytics.tables.compilation` writes the files again. A test compares the files with
the declarations.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "sql"
# The Ibis dialect of each engine, by the name of its folder.
DIALECTS = {"duckdb": "duckdb", "spark": "pyspark"}


def shipped_sql(engine: str) -> dict[str, str]:
    """The shipped SQL of each table by name, in the order in which the tables are computed."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob(f"{engine}/*.sql"))}


def compile_tables(engine: str) -> dict[str, str]:
    """Compile the SQL of each table from its declaration, by name. Needs Ibis, and PySpark for Spark's SQL."""
    import warnings

    import ibis

    from wiki_trends.analytics.tables.declarations import declared

    with warnings.catch_warnings():
        # PySpark warns about the pandas version; pandas is not used here.
        warnings.simplefilter("ignore", FutureWarning)
        # Loading the backend registers the options that its compiler reads.
        getattr(ibis, DIALECTS[engine])
    return {name: f"{ibis.to_sql(table, dialect=DIALECTS[engine])}\n" for name, table in declared().items()}


def main() -> None:
    """Write the SQL of all tables into the package."""
    for engine in DIALECTS:
        folder = FOLDER / engine
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.sql"):
            path.unlink()
        for name, sql in compile_tables(engine).items():
            (folder / f"{name}.sql").write_text(sql, encoding="utf-8")


if __name__ == "__main__":
    main()

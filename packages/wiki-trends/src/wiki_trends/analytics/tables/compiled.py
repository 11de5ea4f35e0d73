"""The declared tables as SQL of each engine, compiled beforehand into `sql/`.

Compiling takes longer than computing: importing Ibis and its compiler takes more than a second, computing a window of five
days a tenth of one. So the SQL is shipped in the package, and the results do not depend on the installed compiler. After a
change of the declarations `python -m wiki_trends.analytics.tables.compiled` writes the files again. A test compares the
files with the declarations.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "sql"
# The Ibis dialect of each engine, by the name of its folder.
DIALECTS = {"duckdb": "duckdb", "spark": "pyspark"}


def compiled(engine: str) -> dict[str, str]:
    """The shipped SQL of every table by its name, in the order of computing: steps first."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob(f"{engine}/*.sql"))}


def compile_now(engine: str) -> dict[str, str]:
    """The SQL of every table by its name, compiled from the declarations. Needs Ibis, and PySpark for Spark's SQL."""
    import warnings

    import ibis

    from wiki_trends.analytics.tables.documented import declared

    with warnings.catch_warnings():
        # PySpark warns about the pandas version; pandas is not used here.
        warnings.simplefilter("ignore", FutureWarning)
        # Loading the backend registers the options that its compiler reads.
        getattr(ibis, DIALECTS[engine])
    return {name: f"{ibis.to_sql(table, dialect=DIALECTS[engine])}\n" for name, table in declared().items()}


def main() -> None:
    """Write the SQL of every table into the package."""
    for engine in DIALECTS:
        folder = FOLDER / engine
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.sql"):
            path.unlink()
        for name, sql in compile_now(engine).items():
            (folder / f"{name}.sql").write_text(sql, encoding="utf-8")


if __name__ == "__main__":
    main()

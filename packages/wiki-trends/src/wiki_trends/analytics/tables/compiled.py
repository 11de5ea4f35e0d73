"""The declared tables as SQL of each engine, compiled beforehand into `sql/`.

Compiling takes longer than computing: importing Ibis and its compiler costs more than a second, a window of five days a
tenth of one. So the SQL lies in the package, what is computed does not depend on which compiler is installed, and
`python -m wiki_trends.analytics.tables.compiled` writes it anew after the declarations changed. A test holds the files to the
declarations.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "sql"
# By the name of the engine's folder, what Ibis calls its SQL.
DIALECTS = {"duckdb": "duckdb", "spark": "pyspark"}


def compiled(engine: str) -> dict[str, str]:
    """The SQL of every table by its name, as it lies in the package, in the order of computing: steps first."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob(f"{engine}/*.sql"))}


def compile_now(engine: str) -> dict[str, str]:
    """The SQL of every table by its name, compiled from the declarations. Needs Ibis, and for Spark's PySpark too."""
    import warnings

    import ibis

    from wiki_trends.analytics.tables.documented import declared

    with warnings.catch_warnings():
        # PySpark on a pandas that it does not know yet; neither has a part in this.
        warnings.simplefilter("ignore", FutureWarning)
        # Loading a backend makes known the options that its compiler asks for.
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

"""The declared tables as SQL for DuckDB, compiled beforehand into `sql/`.

Compiling takes longer than computing: importing Ibis and its compiler costs more than a second, a window of five days a
tenth of one. So the SQL lies in the package, what is computed does not depend on which compiler is installed, and
`python -m wiki_trends.analytics.compiled` writes it anew after the declarations changed. A test holds the files to the
declarations.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "sql"


def compiled() -> dict[str, str]:
    """The SQL of every table by its name, as it lies in the package, in the order of computing: steps first."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.sql"))}


def compile_now() -> dict[str, str]:
    """The SQL of every table by its name, compiled from the declarations. Needs Ibis."""
    import ibis

    from wiki_trends.analytics.tables import declared

    return {name: f"{ibis.to_sql(table, dialect='duckdb')}\n" for name, table in declared().items()}


def main() -> None:
    """Write the SQL of every table into the package."""
    for path in FOLDER.glob("*.sql"):
        path.unlink()
    for name, sql in compile_now().items():
        (FOLDER / f"{name}.sql").write_text(sql, encoding="utf-8")


if __name__ == "__main__":
    main()

import pytest

from wiki_trends.analytics.tables.compilation import (
    DUCKDB_DIALECT,
    SPARK_DIALECT,
    compile_tables,
    duckdb_sql,
)
from wiki_trends.analytics.tables.declarations import declared


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_compiled_sql_is_what_the_declarations_say(engine):
    if engine == "duckdb":
        # `python -m wiki_trends.analytics.tables.compilation` writes the files again.
        assert duckdb_sql() == compile_tables(DUCKDB_DIALECT)
        assert list(duckdb_sql()) == sorted(declared())
    else:
        assert list(compile_tables(SPARK_DIALECT)) == list(declared())

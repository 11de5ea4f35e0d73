import pytest

from wiki_trends.analytics.tables.compilation import DIALECTS, compile_tables, shipped_sql


@pytest.mark.parametrize("engine", DIALECTS)
def test_compiled_sql_is_what_the_declarations_say(engine):
    # `python -m wiki_trends.analytics.tables.compilation` writes it anew.
    assert shipped_sql(engine) == compile_tables(engine)

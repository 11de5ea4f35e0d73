import pytest

from wiki_trends.analytics.tables.compiled import DIALECTS, compile_now, compiled


@pytest.mark.parametrize("engine", DIALECTS)
def test_compiled_sql_is_what_the_declarations_say(engine):
    # `python -m wiki_trends.analytics.tables.compiled` writes it anew.
    assert compiled(engine) == compile_now(engine)

from wiki_trends.analytics.compiled import compile_now, compiled


def test_compiled_sql_is_what_the_declarations_say():
    # `python -m wiki_trends.analytics.compiled` writes it anew.
    assert compiled() == compile_now()

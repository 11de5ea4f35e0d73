"""Hypothesis strategies for small days: titles that differ in one letter, missing coordinates, equal views."""

from __future__ import annotations

from hypothesis import strategies as st

from testing.window_data import row

TITLES = [
    "A",
    "a",
    "Ä",
    "A\u0308",
    "Été_(film)",
    "東京",
    "🙂",
    'Say_"hi",_now',
    "'",
    "50%",
    "NULL",
    "_",
    "מים",
]
CATEGORIES = ["Other", "Sports", "Politics"]

views = st.one_of(st.integers(0, 3), st.integers(0, 5_000_000), st.just(10**12))
entry = st.tuples(
    views, st.sampled_from(CATEGORIES), st.sampled_from(["", "x", "é"]), st.none() | st.floats(-90, 90)
)
days = st.lists(
    st.dictionaries(st.sampled_from(TITLES), entry, min_size=1, max_size=8), min_size=1, max_size=5
)


def rows_of(day):
    """Return the rows of a generated day, ranked by views; equal views share a rank."""
    return [
        row(
            page,
            count,
            1 + sum(other_count > count for other_count, *_ in day.values()),
            category=category,
            page_display=f"{page} {display_suffix}",
            latitude=latitude,
        )
        for page, (count, category, display_suffix, latitude) in day.items()
    ]

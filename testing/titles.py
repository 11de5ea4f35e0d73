"""Titles that readers of CSV, URLs and tables get wrong."""

from __future__ import annotations

from hypothesis import strategies as st

from wiki_trends.wikimedia.siteinfo import folded

# The API's titles have no line breaks, spaces or control characters; a colon would make some of them namespaces.
# The main page, however its title is written, is no article.
TITLES = st.lists(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters=" :|"),
        min_size=1,
        max_size=60,
    ).filter(lambda title: title.strip("-_") and folded(title) != "main page"),
    min_size=1,
    max_size=12,
    unique=True,
)
HOSTILE = [
    '"', '""', "'", ",", "a,b", '"a","b"', "\\", "\\N", "100%", "%00", "?", "#", "&", "+", "C++", "a/b", "../x", ".x",
    "CON", "NULL", "null", "NaN", "None", "1e5", "007", "true", "\ufeff", "\u200f\u05d0", "\u202egnp", "😀", "e\u0301",
    "é", "é" * 127, ".hidden", "AUX", "COM1", "LPT1.txt", "a\\b", "x" * 255, "👩‍👩‍👧", "שלום", "\ufffd", "=1+1", "@x", "0" * 255, "<script>", "[red]", "{}", "~", "`", "$HOME",
]  # fmt: skip

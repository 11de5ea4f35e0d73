"""Page titles that a faulty reader of CSV, URLs or tables would change."""

from __future__ import annotations

from hypothesis import strategies as st

from wiki_trends.wikimedia.siteinfo import folded

# The titles of the API have no line breaks, spaces or control characters. A title with a colon may name a page in another
# namespace, and the main page is not an article, so neither is generated.
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

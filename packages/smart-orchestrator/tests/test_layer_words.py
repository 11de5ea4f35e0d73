"""The layer works on any lake: its sources hold no word of a product, and hints for its errors are passed in."""

from __future__ import annotations

import re
from pathlib import Path

import smart_orchestrator

SOURCES = Path(smart_orchestrator.__file__).parent
PRODUCT = re.compile(r"wiki|diamond|bronze|\bsilver\b|\bgold\b", re.IGNORECASE)


def test_the_sources_hold_no_word_of_the_product():
    files = [path for path in SOURCES.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    hits = [
        f"{path.relative_to(SOURCES)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if PRODUCT.search(line)
    ]

    assert len(files) > 40
    assert not hits, "\n".join(hits)

"""Which differences between two versions of a list are material."""

import pytest

from wiki_trends.pipeline.lists.restatement import is_material, is_same_list
from wiki_trends.pipeline.lists.top_list import ListRow

BEFORE = [ListRow(f"P{number}", 100_000 - 100 * number, number) for number in range(1, 201)]


def changed(**rows):
    """Return the list with other views or another rank of some titles; None removes a title."""
    new = {row.title: row for row in BEFORE} | rows
    return [row for row in new.values() if row is not None]


@pytest.mark.parametrize(
    ("now", "material"),
    [
        (BEFORE[::-1], False),
        (changed(P10=ListRow("P10", 98_010, 10)), False),
        (changed(P10=ListRow("P10", 97_900, 10)), True),
        (changed(P4=ListRow("P4", 99_600, 5)), False),
        (changed(P4=ListRow("P4", 99_600, 6)), True),
        (changed(P100=ListRow("P100", 90_000, 110)), False),
        (changed(P100=ListRow("P100", 90_000, 111)), True),
        (changed(P200=None, New=ListRow("New", 80_000, 200)), False),
        (changed(P200=None, P199=None, New=ListRow("New", 80_000, 199)), True),
    ],
    ids=[
        "order", "one-percent-of-views", "more-views", "one-place", "two-places-at-the-top", "a-tenth-of-the-rank",
        "more-than-a-tenth", "one-percent-of-titles", "more-titles",
    ],
)  # fmt: skip
def test_the_bounds(now, material):
    assert is_material(BEFORE, now) is material


def test_the_order_of_the_rows_does_not_count():
    assert is_same_list(BEFORE, BEFORE[::-1])
    assert not is_same_list(BEFORE, BEFORE[1:])

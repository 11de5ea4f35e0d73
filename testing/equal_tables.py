"""Compare the tables of two warehouses."""

from __future__ import annotations

import math

from wiki_trends.warehouse.base import KEYS, REPLACEMENT_KEYS, RUN_COLUMNS


def values_match(left, right):
    """Return whether two values are equal. Floats may differ by 1e-9, because engines add numbers in different orders."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(values_match(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(values_match, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    return left == right and type(left) is type(right)


def table_of(reader, name, dataset):
    """Return the rows of a table that belong to a dataset, by their unique key."""
    condition = f" WHERE dataset = '{dataset}'" if "dataset" in REPLACEMENT_KEYS.get(name, ()) else ""
    return {
        tuple(row[column] for column in KEYS[name]): row
        for row in reader.rows(f"SELECT * FROM {name}{condition}")
    }


def assert_same_tables(expected_reader, reader, names, dataset):
    """Assert that `reader` reads the same rows as `expected_reader`.

    A table that keeps the rows of earlier windows may have more rows in `reader`.
    """
    for name in names:
        expected, rows = table_of(expected_reader, name, dataset), table_of(reader, name, dataset)
        if name not in REPLACEMENT_KEYS:
            assert rows.keys() == expected.keys(), name
        for key, row in expected.items():
            # A warehouse counts its own runs.
            compared = row.keys() - RUN_COLUMNS.get(name, {}).keys()
            differing = [column for column in compared if not values_match(row[column], rows[key][column])]
            assert not differing, (name, key, row, rows[key])

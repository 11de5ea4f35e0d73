"""Whether two warehouses hold the same tables."""

from __future__ import annotations

import math

from wiki_trends.warehouse.base import KEYS, REPLACEMENT_KEYS


def same(left, right):
    """Equal, numbers that are not whole within the 1e-9 that adding up in another order costs."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    return left == right and type(left) is type(right)


def table_of(reader, name, dataset):
    """The rows of this dataset, by key."""
    of = f" WHERE dataset = '{dataset}'" if "dataset" in REPLACEMENT_KEYS.get(name, ()) else ""
    return {
        tuple(row[column] for column in KEYS[name]): row for row in reader.rows(f"SELECT * FROM {name}{of}")
    }


def assert_same_tables(expected_reader, reader, names, dataset):
    """Each table that `expecting` reads is what `finding` reads; tables that outlast a window may hold more rows there."""
    for name in names:
        expected, rows = table_of(expected_reader, name, dataset), table_of(reader, name, dataset)
        if name not in REPLACEMENT_KEYS:
            assert rows.keys() == expected.keys(), name
        for key, row in expected.items():
            differing = [column for column, value in row.items() if not same(value, rows[key][column])]
            assert not differing, (name, key, row, rows[key])

"""Whether two warehouses hold the same tables."""

from __future__ import annotations

import math

from wiki_trends.warehouse.base import KEPT_BY, KEYS


def same(one, other):
    """Equal, numbers that are not whole within the 1e-9 that adding up in another order costs."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return one == other and type(one) is type(other)


def table_of(reader, name, dataset):
    """The rows of this dataset, by key."""
    of = f" WHERE dataset = '{dataset}'" if "dataset" in KEPT_BY.get(name, ()) else ""
    return {
        tuple(row[column] for column in KEYS[name]): row for row in reader.rows(f"SELECT * FROM {name}{of}")
    }


def assert_same_tables(expecting, finding, names, dataset):
    """Each table that `expecting` reads is what `finding` reads; tables that outlast a window may hold more rows there."""
    for name in names:
        expected, found = table_of(expecting, name, dataset), table_of(finding, name, dataset)
        if name not in KEPT_BY:
            assert found.keys() == expected.keys(), name
        for key, row in expected.items():
            differing = [column for column, value in row.items() if not same(value, found[key][column])]
            assert not differing, (name, key, row, found[key])

"""Adapters: inspect partitions by their objects in a store, or by the rows of a table."""

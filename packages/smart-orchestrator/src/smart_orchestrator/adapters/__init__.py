"""Adapters: inspect the partitions of a dataset in a lake or a database."""

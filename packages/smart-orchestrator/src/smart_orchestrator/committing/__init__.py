"""Commit partitions atomically, and remove the leftovers of killed writers."""

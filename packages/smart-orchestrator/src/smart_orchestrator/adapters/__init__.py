"""Adapters: judge a partition by the objects in the store."""

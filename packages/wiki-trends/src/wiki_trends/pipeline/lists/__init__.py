"""Stores, filters and compares lists of most-viewed pages."""

"""Rows against a dataset's contract."""

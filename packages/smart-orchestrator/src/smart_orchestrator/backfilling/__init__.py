"""Backfills: the state of a backfill in progress, and the loop that executes a plan."""

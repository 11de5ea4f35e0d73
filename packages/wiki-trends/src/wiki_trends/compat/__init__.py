"""The scripts and functions that users of the previous system know."""

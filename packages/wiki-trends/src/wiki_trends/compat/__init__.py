"""The scripts and functions that the documentation of the previous system names."""

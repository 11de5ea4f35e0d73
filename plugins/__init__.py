"""The documented import paths."""

"""Figures of this machine (`make bench`): measured, printed, never a test that can fail on a slow day."""

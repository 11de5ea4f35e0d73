"""Collects public evidence for the rises of a window: what happened to the page when its views rose."""

"""Signals to other systems: messages, lineage events and metrics."""

"""Servers, lakes and windows that several test trees, benchmarks and tools use."""

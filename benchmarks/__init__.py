"""Benchmarks (`make bench`). They print measurements with their limits, and do not fail if a limit is exceeded."""

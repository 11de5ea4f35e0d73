"""Pure values: no I/O and no clock. Windows, datasets, partitions, runs, plans."""

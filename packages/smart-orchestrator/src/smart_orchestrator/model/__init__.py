"""Pure values without I/O and without a clock: windows, datasets, partitions, runs and plans."""

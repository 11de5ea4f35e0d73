"""Our own commit protocol: partitions become visible atomically, and leftovers of killed writers are removed."""

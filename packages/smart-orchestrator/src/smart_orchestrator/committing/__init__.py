"""Our own commit protocol: partitions become visible as a whole, and leftovers of killed writers are removed."""

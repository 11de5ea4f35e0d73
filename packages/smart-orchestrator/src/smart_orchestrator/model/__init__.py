"""Pure values without I/O: windows, datasets, partitions, runs and plans. Only `window.today_utc` reads the clock."""

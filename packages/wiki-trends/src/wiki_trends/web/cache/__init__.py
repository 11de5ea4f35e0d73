"""The cache of the dashboard, and the cached state of the lake, the runs and the warehouse."""

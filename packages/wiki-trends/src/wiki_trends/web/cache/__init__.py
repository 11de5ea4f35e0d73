"""The cache of the dashboard, and the state of lake, runs and warehouse that it contains."""

"""Settings, the datasets of the lake's layers, and windows from command-line options."""

"""Settings, the layers of the lake, and windows from options."""

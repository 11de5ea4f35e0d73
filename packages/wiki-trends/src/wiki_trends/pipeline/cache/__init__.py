"""Facts about pages and wikis, cached in the lake."""

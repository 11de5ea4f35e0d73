"""Categories and places of pages, by rules that are kept as data."""

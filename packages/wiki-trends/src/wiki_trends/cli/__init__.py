"""The `wiki-trends` command: parse, call, print."""

"""The `wiki-trends` command. Each subcommand parses its options, calls a function of `jobs` or `queries`, and prints the result."""

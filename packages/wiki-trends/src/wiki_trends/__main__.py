"""`python -m wiki_trends` is `wiki-trends`."""

from wiki_trends.cli.app import main

main()

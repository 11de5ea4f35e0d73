"""Compute the trends of the last days, when they are complete, and show them: `--days N`."""

from wiki_trends.compat.scripts import run_analytics

if __name__ == "__main__":
    run_analytics()

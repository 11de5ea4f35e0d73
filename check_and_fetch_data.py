"""Report which of the last days are in the lake, and fetch those that are not: `--days N`, `--auto`."""

from wiki_trends.compat.scripts import check_and_fetch_data

if __name__ == "__main__":
    check_and_fetch_data()

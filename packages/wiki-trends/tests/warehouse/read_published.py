"""Read what is published so many times, each time opening it anew, and print how often and the markers seen as JSON."""

import json
import sys

from testing.marked_windows import marker_of
from wiki_trends.warehouse import open_warehouse


def main():
    warehouse = open_warehouse(sys.argv[1])
    seen = []
    for _ in range(int(sys.argv[2])):
        with warehouse.reading() as reader:
            seen.append(marker_of(reader))
    # A reader never goes back to a window that it has seen replaced.
    assert seen == sorted(seen)
    print(json.dumps({"reads": len(seen), "markers": sorted(set(seen))}))


main()

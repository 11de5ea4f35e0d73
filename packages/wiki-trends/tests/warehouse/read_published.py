"""Open and read a warehouse repeatedly, and print the number of reads and the markers seen as JSON."""

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
    # A reader must not see a window again that was replaced before.
    assert seen == sorted(seen)
    print(json.dumps({"reads": len(seen), "markers": sorted(set(seen))}))


main()

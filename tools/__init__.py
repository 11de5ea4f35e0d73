"""What keeps the documentation true: generated pages and the checks behind `make docs-check`."""

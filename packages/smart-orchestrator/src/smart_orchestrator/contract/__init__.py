"""Check the rows of partitions against a dataset's contract."""

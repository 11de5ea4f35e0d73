"""Object stores: local folders, and the stores that obstore supports. All object I/O of the package happens here."""

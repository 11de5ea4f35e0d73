"""Lists of most-viewed pages: kept raw, filtered, compared."""

"""Wikipedia's most-viewed pages: a daily lake without holes, and the trends in it."""

"""Wikipedia's most-viewed pages: a daily lake that is whole, and the trends in it."""

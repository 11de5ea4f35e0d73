"""Lists of most-viewed pages: storing, filtering and comparing them."""

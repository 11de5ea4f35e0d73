"""Import paths that users of the documented functions know."""

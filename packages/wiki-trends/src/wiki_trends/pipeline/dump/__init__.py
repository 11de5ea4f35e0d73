"""The most-viewed pages of a day from a pageview_complete file."""

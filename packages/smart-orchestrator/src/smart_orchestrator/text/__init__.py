"""Reports, plans and calendars as text, and reporters of progress."""

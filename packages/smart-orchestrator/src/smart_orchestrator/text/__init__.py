"""Text output: completeness reports, plans, calendars and progress."""

"""The report and its charts as one HTML page."""

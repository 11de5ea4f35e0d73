"""The pages and documents of the dashboard."""

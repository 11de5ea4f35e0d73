"""What the dashboard remembers between requests."""

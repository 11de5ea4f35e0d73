"""What is read from the published tables."""

"""What is known of pages and wikis, kept in the lake."""

"""Authentication and authorisation: sign-in, tokens, request checks and rate limits."""

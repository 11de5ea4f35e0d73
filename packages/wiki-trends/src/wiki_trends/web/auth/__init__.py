"""Who may see and change what: sign-in, tokens, request checks, rate limits."""

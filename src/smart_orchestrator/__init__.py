"""Check the days of a daily lake, backfill exactly what is missing, and hold the consumer back until it is true."""

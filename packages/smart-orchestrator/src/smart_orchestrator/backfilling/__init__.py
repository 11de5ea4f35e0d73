"""Executes a plan: which runs are in flight, and the loop that drives them."""

"""Declare the tables of a window as Ibis expressions, compute them with an engine, and publish them."""

"""The tables, each declared once as an Ibis expression."""

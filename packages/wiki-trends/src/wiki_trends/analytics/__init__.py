"""The tables of a window, declared once as Ibis expressions, and the function that computes and publishes them."""

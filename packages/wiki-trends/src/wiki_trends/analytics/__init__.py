"""The window's tables, declared once as Ibis expressions, and the one act that computes and publishes them."""

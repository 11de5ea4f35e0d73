"""How a partition is judged from what lies in the store."""

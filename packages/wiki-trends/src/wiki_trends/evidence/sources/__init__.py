"""The sources of the evidence. Each source yields the pieces that it has for the findings of a collection."""

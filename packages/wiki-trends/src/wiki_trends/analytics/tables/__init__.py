"""The declarations of the tables, as Ibis expressions that each engine compiles."""

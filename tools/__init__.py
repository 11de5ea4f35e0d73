"""Developer tools: generated documentation, checks of the documentation and the surface, and local Airflow stacks."""

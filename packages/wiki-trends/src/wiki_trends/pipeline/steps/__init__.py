"""The steps of the pipeline, with one module for each step."""

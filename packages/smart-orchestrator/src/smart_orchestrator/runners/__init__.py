"""Runners execute the pipeline for a partition: as a Python function, as a command, or as a DAG in Airflow."""

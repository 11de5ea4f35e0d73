"""Runners execute the pipeline for a partition: as a Python function on this machine, or as a DAG in Airflow."""

"""What executes the pipeline for a partition: a Python function on this machine, or a Dag in an Airflow."""

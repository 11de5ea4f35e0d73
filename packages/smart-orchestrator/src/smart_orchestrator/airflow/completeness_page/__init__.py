"""The page "Data completeness" in Airflow's UI: every dataset that an `orchestrator_dag` of this Airflow looks after."""

"""Functions to check the lake (`date_checker`) and to run the pipeline for single days (`dag_trigger`)."""

"""Check the lake (`date_checker`) and start the pipeline for days (`dag_trigger`)."""

"""The package of the documented import paths `plugins.utils.date_checker` and `plugins.utils.dag_trigger`."""

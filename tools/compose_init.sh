#!/usr/bin/env bash
# Prepares Airflow before its containers start: writes the users' passwords, migrates the database, and creates the pool of the
# pipeline. The script can be repeated.
set -euo pipefail

python - <<'PYTHON'
import json, os, pathlib

file = pathlib.Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
passwords = {user: os.environ[f"AIRFLOW_{user.upper()}_PASSWORD"] for user in ("admin", "viewer")}
file.write_text(json.dumps(passwords) + "\n")
file.chmod(0o600)
PYTHON
airflow db migrate
airflow pools set wikimedia 3 "requests to Wikimedia at a time"

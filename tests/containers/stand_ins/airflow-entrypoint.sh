#!/bin/bash
# Runs `airflow` with the arguments; `bash` and `python` run as they are.
set -euo pipefail
umask 0002
case "${1:-}" in
bash | python | airflow) exec "$@" ;;
*) exec airflow "$@" ;;
esac

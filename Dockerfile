# The image of compose.yaml: Airflow with wiki-trends, the three DAGs, and the documented scripts in /opt/airflow.
FROM apache/airflow:3.3.2-python3.11

COPY --chown=airflow:0 packages/ /tmp/packages/
# Airflow's own version stays what the image has. Both distributions come from here, and none of them from a registry.
RUN pip install --no-cache-dir "apache-airflow==${AIRFLOW_VERSION}" /tmp/packages/smart-orchestrator \
    "/tmp/packages/wiki-trends[airflow,postgres,web]" && rm -r /tmp/packages

COPY --chown=airflow:0 dags/ /opt/airflow/dags/
COPY --chown=airflow:0 plugins/ /opt/airflow/plugins/
COPY --chown=airflow:0 check_and_fetch_data.py run_analytics.py show_analytics_report.py /opt/airflow/
COPY --chown=airflow:0 --chmod=755 tools/compose_init.sh /opt/airflow/init
# Named volumes take the owner of what they are laid over.
RUN mkdir -p /opt/airflow/secrets /opt/airflow/state && chmod 700 /opt/airflow/secrets

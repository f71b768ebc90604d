# One command to run, one to test. Needs make and python ≥ 3.11, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVE ?= 1
export TRIAGE_REGISTRY ?= var/registry

.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/run.stamp: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e .
	touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[test]'
	touch $@

$(VENV)/bench.stamp: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[bench]'
	touch $@

$(TRIAGE_REGISTRY)/CURRENT: | $(VENV)/run.stamp
	$(BIN)/triage train

train: $(VENV)/run.stamp ## train the default model anew and make it current
	$(BIN)/triage train --json | tail -n 1 | $(BIN)/python -c 'import json, sys; print(json.loads(sys.stdin.read())["version"])' > var/trained
	$(BIN)/triage promote "$$(cat var/trained)" --why "make train"

run: $(VENV)/run.stamp $(TRIAGE_REGISTRY)/CURRENT ## tag the example file, show it and its surges, then serve (SERVE=0 stops before)
	@$(BIN)/python examples/shift_times.py examples/complaints.csv var/complaints.csv
	@rm -f var/complaints-tagged.csv
	@$(BIN)/triage tag var/complaints.csv -o var/complaints-tagged.csv --preview 10
	@echo; echo "Surges in the same file, found as if it had been live:"
	@$(BIN)/triage replay var/complaints.csv --customer-column customer --by product,region
ifneq ($(SERVE),0)
	@$(BIN)/triage serve --database sqlite:///var/demo.sqlite
else
	@echo "Next: make run (serves the API), or .venv/bin/triage tag YOUR.csv --text-column COLUMN -o OUT.csv"
endif

lint: $(VENV)/test.stamp ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: $(VENV)/test.stamp lint ## everything that CI runs
	$(BIN)/python -m pytest -q

bench: $(VENV)/bench.stamp $(TRIAGE_REGISTRY)/CURRENT ## the tables of benchmarks/RESULTS.md
	$(BIN)/python benchmarks/tagging.py
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/accuracy_own.py

soak: $(VENV)/test.stamp ## the long repetitions: kill -9 fifty times on each database, a hundred planted surges
	TRIAGE_SOAK_ROUNDS=50 $(BIN)/python -m pytest -q tests/api/test_durability.py tests/api/test_notify_durability.py
	TRIAGE_SOAK_ROUNDS=100 $(BIN)/python -m pytest -q tests/api/test_surge_state.py -k make_one_alert

.PHONY: help train run lint test bench soak

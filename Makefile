# Every command of the house. `make` alone lists them.
# The first interpreter that really runs and is new enough (a version manager's shim may not run).
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
JOBS ?= auto

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test bench drill drill-check check lint types contract audit
.PHONY: screenshots fmt migrate revision lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

# The stamp carries the lock's date: a changed lock sets up again, an unchanged one costs nothing.
.venv/.run-stamp: requirements.lock requirements-assets.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer (with venv) is needed and was not found" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --require-hashes -r requirements-assets.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev-stamp: .venv/.run-stamp requirements-dev.lock
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

setup: .venv/.run-stamp ## create .venv with the locked dependencies

setup-dev: .venv/.dev-stamp ## the same with the tools of the tests

run: setup ## the whole service beside a stand-in for Tencent's servers, with a demo town
	@exec $(BIN)/shoushan up --sandbox --town

test: setup-dev ## the whole test-suite
	$(BIN)/python -m pytest -n $(JOBS)

bench: setup-dev ## measures, beside peers and the machine's limit: one table (BENCH="name …")
	$(BIN)/python -m bench $(BENCH)

drill: setup-dev ## breaks things and counts what is lost: one table (DRILL="--short name …")
	$(BIN)/python -m drills $(DRILL)

check: setup-dev lint types contract audit test drill-check ## all that .ci/run asks: lint, types, imports, bandit, tests, short drills

drill-check: setup-dev ## every drill in its form of seconds, two side by side
	$(BIN)/python -m drills --short --jobs 2 --to var/drill-short.json

lint: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup-dev
	$(BIN)/mypy

contract: setup-dev
	$(BIN)/lint-imports

audit: setup-dev ## bandit over app/, but for what ruff asks line by line (pyproject.toml says what)
	$(BIN)/bandit -q -c pyproject.toml -r app

screenshots: setup-dev ## the README's six pictures: a demo town lives three days and is photographed
	$(BIN)/python -m tests.browser.screenshots

fmt: setup-dev ## format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

migrate: setup ## bring the database to the newest schema
	$(BIN)/shoushan migrate

revision: setup-dev ## write a migration from the models: make revision NAME=what_changes
	$(BIN)/shoushan revision $(NAME)

lock: ## renew the locks (needs uv); no registry address gets in
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -q pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -q pyproject.toml --extra dev -o requirements-dev.lock

clean: ## remove what can be made again; the data under var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

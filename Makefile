SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
DIR ?= demo
SEED ?= 1
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-$(shell cat requirements.lock pyproject.toml 2>/dev/null | cksum | tr ' ' '-')
TESTED := pyspark==4.2.0 delta-spark==4.4.0

.PHONY: help setup jdk demo example test unit matrix lint bench equal train lock clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: jdk $(INSTALLED) ## Set up .venv and the Delta JARs; quick when nothing has changed

demo: setup ## Run the whole chain on a synthetic company (DIR=folder; demo/ is made anew each time)
	@if [ "$(DIR)" = demo ]; then rm -rf demo; fi
	@$(BIN)/delible demo "$(DIR)"

example: setup ## Run the chain on the ten AdventureWorks files (DATA=folder)
	@if [ -z "$(DATA)" ]; then echo "Say where the ten CSV files are: make example DATA=folder" >&2; exit 2; fi
	@$(BIN)/python policies/examples/adventureworks_run.py "$(DATA)"

test: lint ## Run every check and every test
	@$(BIN)/python -m pytest -n 2 --dist worksteal --hypothesis-profile=thorough tests/unit tests/integration
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/spark

unit: setup ## Run the unit tests only: no JVM, laws searched quickly
	@$(BIN)/python -m pytest -n 2 --dist worksteal tests/unit

matrix: setup ## Run kills everywhere, all kinds of tables and every byte (hours; PART=name for one of the parts in CONTRIBUTING.md)
	@$(BIN)/python -m pytest -v -m matrix $(if $(PART),-k "$(PART)") tests/integration tests/spark

lint: setup ## Check style, types and layers only
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "Run: $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: setup ## Measure, as ratios within one run
	@for each in benchmarks/*.py; do $(BIN)/python "$$each"; done

equal: setup ## Compare a million values and 50,000 tickets with plain Presidio, model included (hours; SEED=number)
	@$(BIN)/python benchmarks/equal_findings.py --values 1000000 --tickets 50000 --model --seed $(SEED)

train: setup ## Train the model of people and places anew (under an hour on one core), with its card
	@$(BIN)/python training/train.py --out src/delible/detect/model --work build/training

lock: ## Resolve requirements.lock anew (needs uv)
	@command -v uv > /dev/null || { echo "This needs uv: pip install uv" >&2; exit 1; }
	printf '%s\n' $(TESTED) | uv pip compile pyproject.toml - --extra spark --extra fast --extra aws --extra mlflow --group dev --universal --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --generate-hashes --upgrade --quiet --output-file requirements.lock

clean: ## Remove .venv, the demo and caches (the JARs stay in the cache folder)
	@rm -rf $(VENV) demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

jdk:
	@java="$${JAVA_HOME:+$$JAVA_HOME/bin/}java"; \
	found=$$("$$java" -version 2>&1 | sed -n 's/.*version "\([0-9.]*\).*/\1/p' | head -n 1 || true); \
	case "$$found" in \
	17|17.*|21|21.*) ;; \
	*) echo "delible needs a JDK 17 or 21, and found $${found:-none}: install one (Debian: apt-get install openjdk-17-jre-headless) and set JAVA_HOME to it." >&2; exit 1 ;; \
	esac

$(INSTALLED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || { \
		echo "delible needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2> /dev/null || echo missing). Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Setting up $(VENV), once (about three minutes)..." >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/delible doctor --fetch --warm > /dev/null
	@$(BIN)/delible doctor --fetch --s3 > /dev/null || echo "No JARs for buckets: their tests will be skipped." >&2
	@rm -f $(VENV)/.installed-* && touch $@

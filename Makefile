# Everything a developer does with this checkout. Needs Python 3.11 or newer with venv, and make; never root.
# Another interpreter: make setup PYTHON=python3.13

PYTHON ?= python3
# Of `make test`: in how many processes.
WORKERS ?= 2
# Of `make prove`: for how long, and the first seed; 0 is any, and the page says which.
MINUTES ?= 10
SEED ?= 0
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup run test lint types docs spec coverage prove check clean

help:  ## Show this list.
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(STAMP)  ## Create .venv and install Switchboard into it, editable, with the tools of the dev group.

run: setup  ## Run the demo.
	$(BIN)/switchboard demo

test: setup  ## Run the tests, on two cores; with WORKERS=0 all in one process.
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: setup  ## Check style, formatting, and the direction of imports.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup  ## Check the types.
	$(BIN)/mypy

docs: setup  ## Build the documentation into docs/_build; a warning is an error.
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs docs/_build

spec: setup  ## Check that the generated wire specification is up to date.
	$(BIN)/python -m protocol.specification --check

coverage: setup  ## Measure the branches of codec, sessions, conversations, journal and authorisation: none may lack.
	$(BIN)/python -m tests.coverage

prove: setup  ## Simulate, kill, corrupt and fuzz for MINUTES=10 on two cores; write proof.md and proof.json.
	$(BIN)/python -m tests.prove --minutes $(MINUTES) --seed $(SEED)

check:  ## Do all that CI does.
	.ci/run

clean:  ## Remove .venv and everything that tools have left behind.
	rm -rf $(VENV) build dist *.egg-info proof.md proof.json docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# While the stamp is newer than pyproject.toml nothing is fetched, so a second `make` works without a network.
# pip learned --group in 25.1; the pip that venv brings along is often older.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Switchboard needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make setup PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

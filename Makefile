# Casemate. Two commands do all the set-up: make demo, make test.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench docs clean

help: ## Show what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-6s %s\n", $$1, $$2}'

$(READY): pyproject.toml constraints.txt requirements-seal.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements-seal.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY) ## Attack two real systems with each control off and on; print where the reports are
	$(BIN)/casemate demo --keep out/demo

test: $(READY) ## All tests, on every processor
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(READY) ## Style, types, docstrings, imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/interrogate --quiet src
	$(BIN)/lint-imports

bench: $(READY) ## Benchmarks against peers and limits (see docs/benchmarks.md)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement bench/requirements.txt
	mkdir -p out/bench
	for script in bench/*.py; do \
		OMP_NUM_THREADS=1 $(BIN)/python $$script --output out/bench/$$(basename $$script .py).json || exit 1; \
	done

docs: $(READY) ## The documentation, as a site
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean: ## Remove what was made
	rm -rf $(VENV) out site dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

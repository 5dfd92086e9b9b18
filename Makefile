# Everything runs from .venv, which is made from requirements.lock.
PYTHON ?= python3.11
BIN := .venv/bin
export DO_NOT_TRACK := 1
export PREFECT_LOGGING_LEVEL := CRITICAL

.DEFAULT_GOAL := help
.PHONY: help demo test lint unit benchmark cost example lock clean

help: ## Say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

.venv/installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed: install Python 3.11, or name yours with make PYTHON=..."; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: .venv/installed ## Monitor two camps over thirteen real scenes, offline
	@$(BIN)/facility-watch demo

test: lint unit ## Check and test everything

lint: .venv/installed ## Style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Whole runs share a Prefect server and the clock, so that they go one after another; what is left goes side by side.
unit: .venv/installed ## All tests and doctests
	$(BIN)/pytest tests/flows
	$(BIN)/pytest --ignore tests/flows --numprocesses 2

benchmark: .venv/installed ## Print tables of speed and memory, as ratios to a baseline of the same run
	$(BIN)/python -m tests.benchmarks

cost: .venv/installed ## Measure the whole catalogue, for `estimate` and the README's curves (an hour or more)
	$(BIN)/python -m tests.benchmarks.catalogue --facilities 8 32 128 380 --scenes 15 30 60 --out flows/data/cost.json --draw outputs/example/cost.png

example: .venv/installed ## Make outputs/example, with the README's picture, again
	rm -rf outputs/demo outputs/without # a record goes on from what it holds
	$(BIN)/facility-watch demo --outputs outputs/demo
	mkdir -p outputs/without outputs/example
	cp outputs/demo/ledger.sqlite outputs/without/
	$(BIN)/facility-watch publish --no-evidence --outputs outputs/without
	cd outputs/without && cp changes.geojson facilities.geojson coverage.csv ../example/
	rm -rf outputs/without
	$(BIN)/facility-watch picture outputs/example/dabancheng.png --outputs outputs/demo
	$(BIN)/facility-watch catalogue map outputs/example/catalogue.png

lock: ## Pin every dependency anew
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet pip-tools
	.venv-lock/bin/pip-compile --quiet --strip-extras --allow-unsafe --extra dev --extra dask --extra onnx --extra postgresql --no-header --output-file requirements.lock pyproject.toml
	sed -i '/^--/d' requirements.lock
	rm -rf .venv-lock

clean: ## Remove what was made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .facility-watch

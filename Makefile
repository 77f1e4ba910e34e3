# Everything a person runs. Needs Python >= 3.11 and make; `make setup` brings the rest into .venv.

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
UV := $(BIN)/uv
export UV_PROJECT_ENVIRONMENT := .venv
STAMP := .venv/.setup-stamp

.DEFAULT_GOAL := help
.PHONY: help setup demo cluster test check format bench bench-streams clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: $(STAMP) ## Create .venv with the locked dependencies (quick when nothing changed)

$(STAMP): pyproject.toml uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
		{ echo "$(PYTHON) cannot make .venv; install its venv package (Debian: apt install python3-venv)" >&2; exit 1; }
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	@$(UV) sync --frozen --all-extras --inexact --compile-bytecode
	@touch $(STAMP)

demo: setup ## Serve Outlay on this machine with realistic traffic (Ctrl-C stops it)
	@$(BIN)/outlay demo $(ARGS)

cluster: setup ## Run Kafka, a store and every role on this machine with traffic (Ctrl-C stops it)
	@$(BIN)/outlay cluster $(ARGS)

test: setup ## Run every test, two files at a time
	@PYTHONHASHSEED=0 $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup ## Lint, types, import rules, packaging
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q tests/packaging

format: setup ## Format and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup ## Measure speed, memory and size; prints the machine and the ratios
	@$(BIN)/python -m tests.bench $(ARGS)

bench-streams: setup ## Measure the cluster's stages on a real broker (needs Java or Docker)
	@$(BIN)/python -m tests.bench --only streams,latency,recovery $(ARGS)

clean: ## Remove what setup and the tests made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build .bench

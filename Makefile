# Everything a developer or a machine runs. Needs Python 3.11 to 3.13, make and git; the rest installs itself into .venv.
.DEFAULT_GOAL := help
.PHONY: help setup run test lint format types sql check dev bench bench-sources bench-statistics lock

BIN := .venv/bin
READY := .venv/.ready
PORT ?= 3000
ARGS ?=

# Bytecode is compiled at install and must be used; no tool reports anything to anybody.
unexport PYTHONDONTWRITEBYTECODE
export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## install the locked dependencies into .venv (the others do it when needed)

run: $(READY) ## run the whole job: on equity.toml when there is one, else on the built-in demo
	@$(BIN)/equity run $(ARGS)

# In the order of the folders: whole runs come first, so that no long file is left for the end.
test: $(READY) ## run all tests
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(READY) ## Python style
	@$(BIN)/ruff check .

format: $(READY) ## put imports and whitespace right
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

types: $(READY) ## Python types
	@$(BIN)/mypy

sql: $(READY) ## SQL style
	@EQUITY_WAREHOUSE="$(CURDIR)/dbt_project/target/warehouse.duckdb" $(BIN)/sqlfluff lint --processes 2 dbt_project/models

check: lint types sql test ## all of these, as the CI does

# Dagster says first of all that its authors prefer another command, which is not installed; only that is silenced.
dev: $(READY) ## Dagster's web UI on this code (PORT=3000)
	@PYTHONWARNINGS='ignore:Function `dev_command` is superseded' DAGSTER_HOME="$$($(BIN)/equity dagster-home)" exec $(BIN)/dagster dev --workspace workspace.yaml --host 127.0.0.1 --port $(PORT)

bench: $(READY) ## measure against hand-written scripts (ARGS are theirs), then the sources and the statistics
	@$(BIN)/python -m benchmarks $(ARGS)
	@$(BIN)/python -m benchmarks.sources
	@$(BIN)/python -m benchmarks.statistics

bench-statistics: $(READY) ## measure the statistics alone, on invented counts
	@$(BIN)/python -m benchmarks.statistics $(ARGS)

bench-sources: $(READY) ## measure the pull of each kind of source
	@$(BIN)/python -m benchmarks.sources $(ARGS)

lock: $(READY) ## choose versions anew within pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --upgrade --quiet --output-file requirements.lock

$(READY): requirements.lock pyproject.toml setup.sh
	@sh setup.sh
	@touch $@

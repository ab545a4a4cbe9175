# The targets, each one command that sets up what it needs. `make` alone lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
#: processes that run tests at the same time, each with servers of its own
WORKERS ?= 3

.DEFAULT_GOAL := help
PURE := tests/schemas tests/handlers tests/scenarios/test_on_model.py tests/scenarios/test_in_memory.py \
	tests/fuzz/test_checks.py tests/fuzz/test_in_memory.py tests/fuzz/test_stream.py

.PHONY: help demo test check unit format run bench chaos fuzz lock clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */\1\t/' | expand -t 10

demo: $(VENV)/.installed ## Show the whole service at work on an embedded broker and database (Python only)
	@$(BIN)/fastlakare demo

test: $(VENV)/.installed ## Every test, on real Apache Kafka and PostgreSQL
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not timed"
	@$(BIN)/python -m pytest -m timed

unit: $(VENV)/.installed ## The pure tests alone, without servers, in seconds
	@$(BIN)/python -m pytest -q $(PURE)

check: $(VENV)/.installed ## Format, lint, types, imports and the pure tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory unit

format: $(VENV)/.installed ## Put the code into its form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

run: $(VENV)/.installed ## The service, with the settings of the environment or .env
	@$(BIN)/fastlakare run

bench: $(VENV)/.installed ## The relisting wave beside the raw loop, on real Kafka and PostgreSQL
	@$(BIN)/python -m benchmarks

chaos: $(VENV)/.installed ## Ten minutes of injected faults, then what was delivered against the model
	@$(BIN)/python -m tests.chaos

fuzz: $(VENV)/.installed ## A million bent records in memory, then fifty thousand through the service
	@$(BIN)/python -m tests.fuzz
	@$(BIN)/python -m tests.fuzz --service

lock: ## Resolve the requirements anew (needs uv)
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 -o requirements/run.txt pyproject.toml
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 -o requirements/dev.txt \
		--extra dev --extra demo --no-emit-package fastlakare -c requirements/run.txt pyproject.toml

clean: ## Remove the environment and what the tools left
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

# Nashboard. `make help` explains every target.
SHELL := /bin/bash
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
HOME_DIR ?= .nashboard
DATA ?=
DEMO ?= 1
LOGS ?=
TORCH_INDEX ?=
CONSTRAINTS ?= constraints.txt
# some shells export HOST with the machine's name, which nobody meant as an address to listen on
ifeq ($(origin HOST) $(HOST),environment $(shell uname -n))
HOST := 127.0.0.1
endif
export HOST PORT HOME_DIR DATA DEMO LOGS PYTHON TORCH_INDEX CONSTRAINTS
export PIP_DISABLE_PIP_VERSION_CHECK = 1
BIN := .venv/bin
PY := $(BIN)/python
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install run test check bench e2e results docs screens format clean

help: ## Explain every target
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Settings, as in make run PORT=8001 DATA=~/speech:"
	@echo "  HOST=127.0.0.1        address to listen on; any but loopback needs NASHBOARD_TOKEN"
	@echo "  PORT=8000             port to listen on"
	@echo "  HOME_DIR=.nashboard   folder of the database, the runs and the logs"
	@echo "  DATA=DIR              folder of audio that may be trained on (run); of speech, noise, images, ljspeech_mini (results)"
	@echo "  DEMO=1                0: do not queue the demo pair on an empty installation"
	@echo "  LOGS=DIR              folder of published logs (docs)"
	@echo "  SHOTS=docs/screens    where e2e puts its screenshots"
	@echo "  PYTHON=python3        the Python that .venv is made with; TORCH_INDEX=URL: where torch comes from"
	@echo "  CONSTRAINTS=constraints-gpu.txt   for a machine with an NVIDIA GPU"
	@echo "Tests use the PostgreSQL and Redis of TEST_DATABASE_URL and TEST_REDIS_URL, else those on 127.0.0.1."

install: $(STAMP) ## Make .venv with everything, then stop

$(STAMP): pyproject.toml $(CONSTRAINTS)
	@bash tools/install.sh
	@touch $@

run: install ## Set up, start the whole product and print its address
	@exec $(PY) -m worker.launcher --host "$$HOST" --port "$$PORT" --home "$$HOME_DIR" --data "$$DATA" --demo "$$DEMO"

test: install ## Run all tests that this machine can; with CI=true none may be left out
	@$(PY) tools/test.py

e2e: install ## Drive the product in a real Chromium; takes the README's screenshots
	@$(PY) -m pytest -m e2e tests/e2e

screens: install ## Train short runs and take every page, into docs/screens/
	@$(PY) -m tests.e2e.screens

check: install ## Lint, format, types, house tests, JS tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(PY) -m pytest tests/house
	@$(PY) tools/jstest.py

format: install ## Rewrite the code in the house's format
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: install ## Benchmarks: one JSON line each
	@$(PY) -m bench

results: install ## Train what docs/results/ shows and write the pages; goes on after a stop
	@$(PY) -m bench.results --data "$$DATA"

docs: install ## Regenerate the generated pages of docs/
	@$(PY) -m bench.docs --logs "$$LOGS"

clean: ## Remove the virtual environment and caches, never the runs
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache

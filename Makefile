# TokenKeep: every command a developer needs. `make` alone lists them.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# PYTEST_ARGS adds to what make test and make coverage hand to pytest, for example PYTEST_ARGS="-k device".
PYTEST_ARGS ?=

export PYTHON

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

.PHONY: help setup demo test check conformance demo-provider check-reports providers fuzz screenshots bench coverage wheel clean setup-demo setup-test

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## virtual environment with everything a developer needs
	@packaging/setup/python.sh dev

setup-demo:
	@packaging/setup/python.sh demo
	@packaging/setup/debian.sh demo

setup-test: setup
	@packaging/setup/debian.sh test
	@packaging/setup/node.sh

demo: setup-demo ## set up, then start TokenKeep with its demo identity provider
	@exec $(BIN)/tokenkeep demo

test: setup-test ## set up, then run all checks and all tests
	@packaging/run-tests.sh $(PYTEST_ARGS)

check: setup ## style, types and layer rules, without the tests
	@packaging/checks.sh

conformance: setup ## write docs/conformance.md from the list of requirements and the names of the tests
	@$(BIN)/python packaging/conformance.py

demo-provider: setup ## write the generated parts of docs/demo-provider.md from the fault switches and recipes
	@$(BIN)/python packaging/demo_provider.py

check-reports: setup-test ## write docs/check-reports.md: what the check says of whole and broken servers
	@WRITE_CHECK_REPORTS=1 $(BIN)/python -m pytest -q tests/integration/oauth/test_check_reports.py

providers: setup ## write the generated parts of docs/providers.md from resources/providers.toml
	@$(BIN)/python packaging/providers_page.py

fuzz: setup ## fuzz every parser for five minutes; FUZZ="--seconds 60 jws jwks" chooses
	@$(BIN)/python tests/fuzz/harness.py $(FUZZ)

screenshots: setup-test ## write the documentation's pictures into docs/images
	@$(BIN)/python packaging/screenshots.py docs/images

bench: setup-test ## measure and print the figures of performance
	@$(BIN)/python tests/bench/run.py

coverage: setup-test ## the tests with branch coverage
	@$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered $(PYTEST_ARGS)

wheel: setup ## build the wheel into dist
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . && ls dist/*.whl

clean: ## remove everything that was made here
	rm -rf $(VENV) .setup build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache .grimp_cache .fuzz tests/peers/node_modules
	find app tests -name __pycache__ -type d -prune -exec rm -rf {} +

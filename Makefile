SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
# Tests start hundreds of processes of ours: what one has compiled, no other compiles again.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
MEMBERS := $(patsubst %/pyproject.toml,%,$(wildcard libs/*/pyproject.toml services/*/pyproject.toml simulators/*/pyproject.toml cli/pyproject.toml tests/support/pyproject.toml))
MANIFESTS := pyproject.toml $(addsuffix /pyproject.toml,$(MEMBERS))
PYTEST := $(BIN)/python -m pytest

help:  ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 18

install: .venv/installed  ## make .venv with the csp command in it

.venv/installed: requirements.lock $(MANIFESTS) tools/install.sh
	@PYTHON="$(PYTHON)" bash tools/install.sh $(MEMBERS)
	@touch $@

run: install  ## start everything in one process, with demo data (Ctrl-C ends it)
	@exec $(BIN)/csp up

demo: install  ## play the demo story against a running `make run`
	@exec $(BIN)/csp demo

format: install  ## rewrite the sources in the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: install  ## format, lint, types, import rules, scoped SQL
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy $(addsuffix /src,$(MEMBERS)) bench tools
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/lint_scoped_sql.py

test: install  ## all tests but the slow ones
	$(PYTEST) -m "not slow" -n 2 --dist loadgroup

test-all: install  ## all tests, the slow ones too
	$(PYTEST) -n 2 --dist loadgroup

bench: install  ## measure; a table and JSON, each figure as a ratio to its limit in the same run
	@exec $(BIN)/python -m bench

contracts: install  ## rewrite what is made from the code: JSON Schemas, AsyncAPI, the pages of settings and problems
	$(BIN)/csp contracts schemas --write libs/contracts/schemas
	$(BIN)/csp contracts asyncapi --write libs/contracts/asyncapi.yaml
	$(BIN)/csp settings > docs/settings.md
	$(BIN)/python -m csp_runtime.problem_types > docs/problems.md

lock: install  ## compile requirements.lock anew from the members' pyproject.toml
	@bash tools/lock.sh $(MEMBERS)

clean:  ## remove what install and run have made
	rm -rf .venv .csp .cache .mypy_cache .ruff_cache .pytest_cache

.PHONY: help install run demo format check contracts test test-all bench lock clean

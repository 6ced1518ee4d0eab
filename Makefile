# Only Python >= 3.11 and make are needed. Everything is installed in .venv, nothing outside of it.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

# The first of these that runs, is new enough, and can make a virtual environment.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCKED := --constraint constraints.txt --build-constraint constraints.txt
FOLDERS := config queue engine bots
PYPROJECTS := $(FOLDERS:%=%/pyproject.toml)
# Tests wait more than they work: six at once on two cores. A storm works all the time.
SIDE_BY_SIDE := --numprocesses 6 --dist loadfile --no-loadscope-reorder
TWO_STORMS := --numprocesses 2 --dist load
SEED ?= 1
MODEL ?= i2vgen-xl
TESTS ?=
TAG ?=
# Compiled modules are kept, whatever is set outside: the tests start many hundred processes, and each would compile anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup demo web test test-storms coverage test-deep test-mutants chaos lint bench bench-gpu release pictures clean help

setup: .venv/.dev ## install everything that demo, test, lint and bench need

demo: .venv/.runtime ## animate a sample photo through the real queue and engine, and show the clip
	$(BIN)/python -m unstill_bots.terminal.demo

web: .venv/.runtime ## open a page at http://127.0.0.1:7860 on which a photo moves
	$(BIN)/python -m unstill_bots.service web

test: .venv/.dev ## run the tests, the long form of storms and searches aside
	$(BIN)/python -W error -m pytest $(SIDE_BY_SIDE) $(TESTS)

test-storms: .venv/.dev ## run the long form of kill storms and searches
	$(BIN)/python -W error -m pytest $(TWO_STORMS) -m storm $(TESTS)

coverage: .venv/.dev ## run all tests and measure which lines they run, in the processes that they start too
	$(BIN)/python -W error -m pytest $(SIDE_BY_SIDE) -m "not deep" --timeout 3000 --cov --cov-report= $(TESTS)
	$(BIN)/coverage report
	@echo "At least that: a process that a test kills takes its lines with it."

test-deep: .venv/.dev ## run the long searches
	$(BIN)/python -W error -m pytest -m deep --timeout 7200

test-mutants: .venv/.dev ## plant bugs and see that the tests of the queue's scripts, and the chaos checker, catch each
	$(BIN)/python -m tests.queue.mutants
	$(BIN)/python -m tests.system.chaos_mutants

chaos: .venv/.dev ## kill processes at random while requests arrive: make chaos SEED=7
	$(BIN)/python -m tests.system.chaos --seed $(SEED)

lint: .venv/.dev ## check style, format, types and who imports whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev ## measure and print the figures
	$(BIN)/python -m tests.bench.run

bench-gpu: .venv/.dev ## measure a model on a GPU, stock beside ours: make bench-gpu MODEL=wan-ti2v-5b
	$(BIN)/python -m tests.bench.bench_gpu --model $(MODEL) --write

release: .venv/.runtime ## build what hosts install into dist/, twice, and try it where nothing else is installed
	$(BIN)/python -m venv --clear build/release
	build/release/bin/python -m pip --disable-pip-version-check --quiet install $$(grep '^pip==' constraints.txt)
	build/release/bin/python -m pip --disable-pip-version-check --quiet install $(LOCKED) --group release
	build/release/bin/python .ci/release.py $(if $(TAG),--tag $(TAG))

pictures: .venv/.dev ## make the README's pictures anew
	$(BIN)/python -m tests.pictures.make_pictures

clean: ## delete the environment and everything that was made
	rm -rf dist .venv .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build
	find $(FOLDERS) tests -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | awk -F '\t' '{ printf "make %-14s%s\n", $$1, $$2 }'

# Two levels, so that the demo waits for no test tools. A stamp is older than what it was made from: install again.
.venv/.runtime: constraints.txt $(PYPROJECTS)
	@test -n "$(PYTHON)" || { echo "Unstill needs Python 3.11 or newer with venv: install it, or say where it is: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11: install a newer one, or say where it is: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@echo "Installing Unstill in .venv"
	@$(PIP) install $$(grep '^pip==' constraints.txt)
	@$(PIP) install $(LOCKED) -e ./config -e './queue[embedded]' -e ./engine -e ./bots
	@touch $@

.venv/.dev: .venv/.runtime pyproject.toml tests/doubles/pyproject.toml
	@echo "Installing the test tools in .venv"
	@$(PIP) install $(LOCKED) -e './engine[diffusion,c2pa]' -e './bots[safety]' -e ./tests/doubles --group dev
	@# its command line, which is not used, wants an older typer than the models' library brings
	@$(PIP) install $(LOCKED) --no-deps openapi-python-client
	@touch $@

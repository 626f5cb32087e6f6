# Everything runs from a clean clone: the first call makes .venv. Needs Python 3.11+ and make,
# and nothing that GNU make 3.81, the one of macOS, does not know.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
# Other arguments, another Python (for a new environment): make test ARGS="-k manifest" PYTHON=python3.13
PYTHON ?=
ARGS ?=

# Compiled files make every later start quicker, and the import budget is measured with them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint format bench bench-full docs docs-serve clean

help:
	@echo "make demo    run the flights workflow and show what it made"
	@echo "make test    run all tests"
	@echo "make lint    check style, types and architecture"
	@echo "make format  format the code"
	@echo "make bench   measure a quick selection (bench-full: everything, with figures)"
	@echo "make docs    build the documentation into site/"
	@echo "make clean   remove everything that was made, the environment included"

# Kept here and not in the home folder, unless asked for.
demo: $(VENV)/.demo
	@AQUEDUCT_HOME="$${AQUEDUCT_HOME:-$(CURDIR)/.demo}" $(BIN)/aqueduct demo $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.run --quick $(ARGS)

bench-full: $(VENV)/.dev
	$(BIN)/python -m benchmarks.run --peers --docs $(ARGS)

docs: $(VENV)/.dev
	$(BIN)/mkdocs build --strict $(ARGS)

docs-serve: $(VENV)/.dev
	$(BIN)/mkdocs serve $(ARGS)

clean:
	rm -rf $(VENV) .environments .pictures .demo build dist site .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache

# One environment for everything; `make demo` alone installs only what the demo needs.
# The stamps are made last, so an installation that was interrupted is done again.
$(VENV)/.demo $(VENV)/.dev: pyproject.toml tools/environment.py
	@python=; \
	for name in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    python="$$name"; break; \
	  fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Python 3.11 or newer is needed, and none was found on the PATH." >&2; \
	  echo "Hint: install one (python.org, your package manager, uv python install)," >&2; \
	  echo "      or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; \
	  exit 1; \
	fi; \
	"$$python" tools/environment.py $(patsubst .%,%,$(@F))
	@if [ "$(@F)" = .dev ]; then touch $(VENV)/.demo; fi
	@touch $@

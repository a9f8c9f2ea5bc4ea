# `make demo` and `make test` set up everything they need from a fresh clone; set-up costs nothing when done.
# Needs Python >= 3.11, Node >= 20 with npm, and make.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: setup demo test lint bench statements determinism clean

setup: .venv/installed node_modules/installed

.venv/installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Tailproof needs Python 3.11 or newer: none of python3, python3.11 .. python3.13 is." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

node_modules/installed: package-lock.json package.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { echo "Tailproof needs Node 20 or newer, with npm." >&2; exit 1; }
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

demo: setup
	$(BIN)/tailproof demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

bench: setup
	$(BIN)/python -m benchmarks.bench

statements: setup
	$(BIN)/python -m benchmarks.statements

# Golden epochs under every setting that could change a bit, two versions of NumPy among them; `make test` runs a few.
determinism: setup
	PYTHONPATH=tests $(BIN)/python -m determinism.matrix

clean:
	rm -rf .venv node_modules out .mypy_cache .ruff_cache .pytest_cache

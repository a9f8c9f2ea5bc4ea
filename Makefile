# `make demo` and `make test` set up everything they need from a fresh clone; set-up costs nothing when done.
# Needs Python >= 3.11, Node >= 20 with npm, and make.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: help setup demo crash test test-all tests mutants lint style types bench gas risk-bench evm statements determinism standard-scenarios page clean

setup: .venv/installed node_modules/installed

help:
	@echo "make demo         everything once on an embedded chain, attacks included"
	@echo "make test         lint, types and tests; test-all the slow ones too; mutants: the tests themselves"
	@echo "make crash        a market falls by 40 %, over real proofs"
	@echo "make bench        speed beside snarkjs and gnark; risk-bench, gas: their numbers beside their bounds"
	@echo "make statements   every statement proven at full size on the fixtures"
	@echo "make determinism  golden epochs under every setting that could change a bit"
	@echo "make page         builds the page that verifies in a browser; evm: a third EVM; clean: takes away what was set up"
	@echo "Each sets up what it needs. .venv/bin/tailproof --help has the commands, docs/tutorial.md a first hour."

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

# A market that falls by two fifths, over real proofs, through every tier of liquidation; then again on anvil.
crash: setup
	$(BIN)/python -m tailproof.crash

lint: setup style types

style: setup
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

# Types are checked beside the tests' beginning, which leaves a core free: most of a minute less.
test: setup style
	@$(MAKE) --no-print-directory --jobs 2 types tests

tests: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

# With the slow ones: every test of the contracts on both chains, a hundred thousand calls beside the models.
test-all: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

# Mutants of the contracts, those whose contract, text or tests have changed; exits 1 if one lives. JOBS=N at a time,
# LISTS="oracle vault" for some, AGAIN=1 for all of them.
mutants: setup
	PYTHONPATH=.:tests:tests/verifier_contracts $(BIN)/python -m mutants $(LISTS) --jobs $(or $(JOBS),1) $(if $(AGAIN),--again)

bench: setup
	$(BIN)/python -m benchmarks.bench

# The risk engine's numbers beside their bounds. MARKET=FILE.csv: daily closes of BTC and ETH. QUICK=1: few seeds.
risk-bench: setup
	$(BIN)/python -m benchmarks.risk $(if $(QUICK),--quick) $(if $(MARKET),--market $(MARKET))

# What every path through the contracts costs, beside its bound; exits 1 above one, or off the snapshot. WRITE=1 renews it.
gas: setup
	PYTHONPATH=tests:tests/verifier_contracts $(BIN)/python -m gas_table $(if $(WRITE),--write)

# geth's `evm`, a third EVM for tests/verifier_contracts/test_machines.py, which skips it until this has run. It takes Go
# and minutes of its compiler, once: the release is that of tests/verifier_contracts/machines.py.
GETH := $(shell sed -n 's/^GETH = "\(.*\)"/\1/p' tests/verifier_contracts/machines.py)
EVM := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tailproof/geth/$(GETH)

evm: $(EVM)/evm

$(EVM)/evm:
	CGO_ENABLED=0 GOBIN=$(EVM) go install github.com/ethereum/go-ethereum/cmd/evm@$(GETH)

statements: setup
	$(BIN)/python -m benchmarks.statements

# Golden epochs under every setting that could change a bit, two versions of NumPy among them; `make test` runs a few.
determinism: setup
	PYTHONPATH=tests $(BIN)/python -m determinism.matrix

# Whether risk/grid/standard_choices.json is what comes out of the computation it keeps; a test does part of it. Minutes.
standard-scenarios: setup
	$(BIN)/python -m risk.grid.standard_data

# The page that verifies in a browser, tailproof/page/verify.html, from web/; a test makes it again and compares.
page: setup
	$(BIN)/python -m tailproof.page.facts > web/facts.json
	node web/build.mjs tailproof/page/verify.html

clean:
	rm -rf .venv node_modules out .mypy_cache .ruff_cache .pytest_cache

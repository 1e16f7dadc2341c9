# Everything runs in .venv, made here when it is missing or older than what it is made from.

PYTHON ?= python3
SHELL := /bin/bash
BIN := .venv/bin
JOBS ?= 2

export AMARANTH_USE_YOSYS := builtin

.PHONY: map test test-full test-lowest formal lint style types
.DELETE_ON_ERROR:

map: .venv/base
	$(BIN)/python -m compiler.demo

# Groups of tests in the order of tests/conftest.py.
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder

# The types are checked beside the tests: mypy has one process.
test: .venv/test style
	$(call need,command -v iverilog,iverilog)
	@$(BIN)/mypy & types=$$!; status=0; \
	$(PYTEST) || status=$$?; \
	wait $$types || status=$$?; exit $$status

test-full: .venv/full lint test-lowest
	$(call need,command -v iverilog,iverilog)
	$(call need,command -v chromium,chromium)
	$(PYTEST) --full --cov --cov-report=term-missing:skip-covered

# The lower bounds of pyproject.toml together, in an environment of their own. Old packages warn of
# what newer ones have dropped.
LOWEST := .venv-lowest/bin/python
test-lowest: .venv-lowest/ready
	$(LOWEST) -m pytest -W default tests/compiler tests/golden tests/sim tests/e2e/test_timeline.py

formal: .venv/full
	$(BIN)/python -m pytest tests/formal --full

lint: style types

style: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/test
	$(BIN)/mypy

# A system package that is missing: name it once, with the command that installs it.
define need
@$(1) >/dev/null 2>&1 || { echo "$(2) is missing: sudo apt-get install $(2)" >&2; exit 1; }
endef

$(BIN)/python:
	$(call need,command -v g++,g++)
	$(call need,command -v perl,perl)
	$(call need,command -v $(PYTHON),python3)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=python3.11" >&2; exit 1; }
	$(call need,$(PYTHON) -c "import ensurepip; import venv",python3-venv)
	$(PYTHON) -m venv --clear .venv

# One stamp for each set of extras; a larger set includes the smaller ones. The smallest has what all
# commands of the README need.
BASE := onnx,tflite,rtl,report,pictures,fpga
.venv/base: EXTRAS := $(BASE)
.venv/test: EXTRAS := $(BASE),explore,test
.venv/full: EXTRAS := $(BASE),explore,test,full
.venv/base .venv/test .venv/full: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[$(EXTRAS)]'
	$(BIN)/python -m compileall -q compiler golden hw sim
	$(BIN)/python -m hw.tools.verilator
	@touch $@

.venv-lowest/ready: pyproject.toml .ci/constraints-lowest.txt | $(BIN)/python
	$(PYTHON) -m venv --clear .venv-lowest
	$(LOWEST) -m pip install --quiet --disable-pip-version-check \
		-c .ci/constraints-lowest.txt -e '.[$(BASE),explore,test]'
	$(LOWEST) -m hw.tools.verilator
	@touch $@

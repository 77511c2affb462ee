# `make demo` and `make test` do everything; they need Python 3.11+ and nothing else.
PYTHON ?= python3
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PYTEST_ARGS ?=
CHAOS_ARGS ?=
BENCH_ARGS ?=

.PHONY: help demo test chaos check format bench screenshot clean

help:  ## Show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/.installed  ## A virtual school with live data, on this machine only
	.venv/bin/campus demo $(DEMO_ARGS)

test: .venv/.installed-dev check  ## Every check and test; CAMPUS_TEST_NO_SKIP=1 lets nothing be skipped
	@tools/install-test-needs
	.venv/bin/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

chaos: .venv/.installed-dev  ## The chaos suite at full size, about 50 minutes; CHAOS_ARGS="kills flood" picks, --list lists
	@tools/install-test-needs
	@.venv/bin/python tests/chaos.py $(CHAOS_ARGS)

check: .venv/.installed-dev  ## Lint, format, types, import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: .venv/.installed-dev  ## Put the code in the one format
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: .venv/.installed-dev  ## Measure: collector beside a bare paho subscriber, motion to browser; BENCH_ARGS go to the first
	.venv/bin/campus bench peers $(BENCH_ARGS)
	.venv/bin/campus bench freshness

screenshot: .venv/.installed-dev  ## Take the README's picture from a running demo
	.venv/bin/python tools/screenshot.py docs/room-board.png

clean:  ## Remove what was installed and built here (the data folders stay)
	rm -rf .venv .tools build dist *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is missing: install python3-venv."; exit 1; }

.venv/.installed: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing Campus Monitor in .venv (about half a minute) ..."
	@$(PIP) --editable .
	@touch $@

.venv/.installed-dev: .venv/.installed
	@echo "Installing what the tests need in .venv ..."
	@$(PIP) --editable '.[dev]'
	@touch $@

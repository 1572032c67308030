# The two commands: `make run` and `make test`. All else is a part of them or for those who develop.
# Python 3.11 or 3.12 from PATH makes .venv; what is installed there is remembered by the requirements' hash.

SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.11 python3.12 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && { echo $$p; break; }; done)
RUN_READY := .venv/.run-$(shell cksum < requirements.txt | tr -d ' ')
TEST_READY := .venv/.test-$(shell cat requirements.txt requirements-dev.txt | cksum | tr -d ' ')
PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 2 --timeout 60
NO_PIP = { tail -n 1 .venv/pip.log; echo "Could not install the libraries. No network? Connect and start again (all of pip's words: .venv/pip.log)." >&2; exit 1; }
# Checks and tests keep their data apart from a portal that runs here.
APART = SKYDECK_DATA=$$(mktemp -d)
WORKERS ?= 2

.PHONY: run stop-training test test-slow check browser format screenshots
.DELETE_ON_ERROR:

run: $(RUN_READY)
	@exec .venv/bin/python manage.py run

stop-training: $(RUN_READY)
	@.venv/bin/python manage.py stop_training

test: check browser
	.venv/bin/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile

test-slow: $(TEST_READY) browser
	.venv/bin/python -m pytest -m slow; code=$$?; [ $$code -eq 5 ] || exit $$code

check: $(TEST_READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(APART) .venv/bin/mypy portal workers tests/harness tests/setup
	.venv/bin/lint-imports
	$(APART) .venv/bin/python manage.py check --deploy --fail-level WARNING
	$(APART) .venv/bin/python manage.py makemigrations --check --dry-run

browser: $(TEST_READY)
	@.venv/bin/python -m tests.harness.chromium

screenshots: browser
	.venv/bin/python -m tests.journeys.screenshots

format: $(TEST_READY)
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

.venv/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "Skydeck needs Python 3.11 or 3.12, and none is on PATH. Install one, or name it: make run PYTHON=/path/to/python3.11" >&2; exit 1; }
	@[ -w . ] || { echo "This folder cannot be written, and .venv must go here. Copy Skydeck to a folder of yours." >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(RUN_READY): | .venv/bin/python
	@echo "Installing into .venv, once; this takes a minute or two …"
	@$(PIP) -r requirements.txt >.venv/pip.log 2>&1 || $(NO_PIP)
	@rm -f .venv/.run-*; touch $@

$(TEST_READY): $(RUN_READY)
	@echo "Installing what the tests need, once …"
	@$(PIP) -r requirements-dev.txt >.venv/pip.log 2>&1 || $(NO_PIP)
	@rm -f .venv/.test-*; touch $@

# Every target sets the environment up first if it has to. `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help setup train test test-all lint lock clean

VENV := .venv
STAMP := $(VENV)/.set-up
FITS := import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))

# The first Python that fits. Each is tried, not only looked up: version managers put commands on
# PATH that fail when run. Or choose one: make setup PYTHON=/path/to/python3.12
PYTHON ?= $(shell for python in python3.12 python3.11 python3.10 python3; do \
	$$python -c '$(FITS)' >/dev/null 2>&1 && { echo $$python; break; }; done)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## create .venv with everything in it, Horovod included (built once, about 5 minutes)

# The stamp comes last, so an interrupted set-up is taken up again; every step before it is
# harmless to repeat, and quick when its work is done. (-qq: errors only.)
$(STAMP): pyproject.toml requirements.lock scripts/install_horovod.sh
	@if $(VENV)/bin/python -m pip --version >/dev/null 2>&1; then \
		$(VENV)/bin/python -c '$(FITS)' || \
			{ echo "setup: $(VENV) holds $$($(VENV)/bin/python -V), but 3.10, 3.11 or 3.12 is needed; delete it and try again" >&2; exit 2; }; \
	else \
		python='$(PYTHON)'; \
		"$${python:-false}" -c '$(FITS)' 2>/dev/null || \
			{ echo "setup: no Python 3.10, 3.11 or 3.12 with the venv module found$${python:+ at $$python}; install one or set PYTHON" >&2; exit 2; }; \
		echo "setup: creating $(VENV) with $$python ($$("$$python" -V))"; \
		"$$python" -m venv --clear $(VENV); \
	fi
	@echo "setup: installing requirements.lock (with TensorFlow; a minute or two the first time)"
	@$(VENV)/bin/python -m pip install -qq --disable-pip-version-check -r requirements.lock
	@$(VENV)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@scripts/install_horovod.sh $(VENV)/bin/python
	@touch $(STAMP)
	@echo "setup: done"

train: $(STAMP) ## train, evaluate, export and try the bundled example on two processes
	@scripts/train_example.sh

# A process per core, at most four (each holds TensorFlow); a file's tests share what they train.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile

test: $(STAMP) ## run the tests, without the slow ones (more options: ARGS="-k name")
	$(VENV)/bin/python -m pytest $(PARALLEL) -m "not slow" $(ARGS)

# One after the other: most of the slow ones start several processes themselves.
test-all: test ## run all tests
	$(VENV)/bin/python -m pytest -m slow $(ARGS)

lint: $(STAMP) ## check style and formatting
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

# Keeps the versions it finds in the file where they still fit; UPGRADE=--upgrade takes the newest.
lock: ## write requirements.lock from pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.10 --extra dev --extra horovod --extra kubernetes --extra sweep $(UPGRADE) \
		--custom-compile-command "make lock" --quiet --output-file requirements.lock pyproject.toml

clean: ## delete caches and build output (keeps .venv and runs)
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache
	find model data_pipeline trainer tests scripts -name __pycache__ -prune -exec rm -rf {} +

# Every target sets the environment up first if it has to. `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help setup train test test-all lint lock clean

VENV := .venv
STAMP := $(VENV)/.set-up
HOROVOD_STAMP := $(VENV)/.horovod
# Only what trains on several processes needs Horovod, which is built from its sources.
# make train HOROVOD=no (or setup, or test) does without it, and without a C++ compiler.
HOROVOD ?= yes
SET_UP := $(STAMP) $(if $(filter no,$(HOROVOD)),,$(HOROVOD_STAMP))
FITS := import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))

# The first Python that fits. Each is tried, not only looked up: version managers put commands on
# PATH that fail when run. Or choose one: make setup PYTHON=/path/to/python3.12
PYTHON ?= $(shell for python in python3.12 python3.11 python3.10 python3; do \
	$$python -c '$(FITS)' >/dev/null 2>&1 && { echo $$python; break; }; done)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(SET_UP) ## create .venv with everything in it; Horovod is built once, in about 5 minutes (HOROVOD=no: without)

# The stamp comes last, so an interrupted set-up is taken up again; every step before it is
# harmless to repeat, and quick when its work is done. (-qq: errors only.)
$(STAMP): pyproject.toml setup.py requirements.lock
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
	@touch $(STAMP)
	@echo "setup: all packages are installed"

$(HOROVOD_STAMP): $(STAMP) scripts/install_horovod.sh
	@scripts/install_horovod.sh $(VENV)/bin/python || \
		{ echo "setup: HOROVOD=no does without Horovod, on one process" >&2; exit 2; }
	@touch $(HOROVOD_STAMP)

train: $(SET_UP) ## train, evaluate, export and try the bundled example on two processes (HOROVOD=no: on one)
	@NP=$${NP:-$(if $(filter no,$(HOROVOD)),1,2)} scripts/train_example.sh

# Three processes, each of which holds TensorFlow, keep two cores busy: one of them often waits for
# programs that it has started. A file's tests share what they train; the order is tests/conftest.py's.
PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder

test: $(SET_UP) ## run the tests, without the slow ones (more options: ARGS="-k name")
	$(VENV)/bin/python -m pytest $(PARALLEL) -m "not slow" $(ARGS)

# One after the other: most of the slow ones start several processes themselves.
test-all: test ## run all tests
	$(VENV)/bin/python -m pytest -m slow $(ARGS)

lint: $(STAMP) ## check style, formatting and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# Keeps the versions it finds in the file where they still fit; UPGRADE=--upgrade takes the newest.
lock: ## write requirements.lock from pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.10 --extra dev --extra horovod --extra kubernetes --extra serve --extra sweep $(UPGRADE) \
		--custom-compile-command "make lock" --quiet --output-file requirements.lock pyproject.toml

clean: ## delete caches and build output (keeps .venv and runs)
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
	find model data_pipeline trainer tests scripts -name __pycache__ -prune -exec rm -rf {} +

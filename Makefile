# Every target sets up what it needs; `make help` lists them.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
SEEDS ?=
LAUNCHER ?=
TABLE_OPTIONS = $(if $(SEEDS),seed=$(SEEDS)) $(OVERRIDES)
SWEEP_OPTIONS = $(if $(LAUNCHER),hydra/launcher=$(LAUNCHER)) $(TABLE_OPTIONS)

.DEFAULT_GOAL := help
.PHONY: help quickstart test test-slow lint types format clean

help: ## Show this list
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo
	@echo "  Options: DRY=1  SEEDS=0,1,2  LAUNCHER=joblib  OVERRIDES='trainer.device=cpu'  PYTHON=python3.12"

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "error: PYTHON: no Python 3.11, 3.12 or 3.13 found; give one with PYTHON=/path/to/python"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

quickstart: $(INSTALLED) ## The main job on small real data of four domains: none, mixup and MixupE compared
	@$(PY) scripts/data.py fetch --quickstart
	@$(MAKE) --no-print-directory table-quickstart

table-%: $(INSTALLED) ## Run what is missing of configs/table/%.yaml and write results/%/ (DRY=1: only say what that means)
ifdef DRY
	@$(PY) scripts/table.py $* --dry $(TABLE_OPTIONS)
else
	@status=0; $(PY) scripts/train.py --multirun table=$* $(SWEEP_OPTIONS) || status=$$?; \
	if [ $$status -le 1 ]; then $(PY) scripts/table.py $* $(TABLE_OPTIONS) || status=$$?; fi; exit $$status
endif

test: $(INSTALLED) ## The fast tests
	$(PY) -m pytest --numprocesses=auto --dist=loadfile

test-slow: $(INSTALLED) ## The tests that take minutes or need fetched data
	$(PY) -m pytest -m slow

lint: $(INSTALLED) ## ruff
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(INSTALLED) ## mypy
	$(PY) -m mypy

format: $(INSTALLED) ## Let ruff mend what it can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

clean: ## Remove the virtual environment (results, outputs and data stay)
	rm -rf $(VENV)

# Every target sets up what it needs; `make help` lists them.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
EXAMPLES := $(VENV)/.examples
COMMA := ,
TEST_LIMIT ?= 20m
SEEDS ?=
LAUNCHER ?=
TABLE_OPTIONS = $(if $(SEEDS),seed=$(SEEDS)) $(OVERRIDES)
SWEEP_OPTIONS = $(if $(LAUNCHER),hydra/launcher=$(LAUNCHER)) $(if $(MINUTES),hydra.sweeper.minutes=$(MINUTES)) $(TABLE_OPTIONS)
# A fresh table has a run store and results of its own, in which no earlier record counts as done.
FRESH_OPTIONS = $(if $(FRESH),output_root=outputs/fresh/$* hydra.sweeper.results=outputs/fresh/$*/results)
# The paper's tables by domain, and those that one of its numbers stands for.
images := paper1 paper2
tabular := paper4
speech := paper5
graphs := paper6_nested paper6
imagenet := paper3
DOMAINS := images tabular speech graphs imagenet
PAPER_6 := $(graphs)
PAPER_eta := paper_eta
PAPER_figure1 := figure1
PAPER := paper1 paper2 paper3 paper4 paper5 $(graphs) paper7 paper8 paper_eta figure1
OFFLINE_TABLES := offline_images offline_tabular offline_speech offline_graphs

.DEFAULT_GOAL := help
.PHONY: help quickstart tables tables-offline paper figure2 $(DOMAINS:%=table-%) report docs gpu test test-slow lint types format clean

help: ## Show this list
	@grep -hE '^[a-z0-9%-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo
	@echo "  Options: DRY=1  FRESH=1  SEEDS=0,1,2  LAUNCHER=joblib  MINUTES=9  OVERRIDES='trainer.device=cpu'  PYTHON=python3.12"

pip = $(PY) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --constraint constraints.txt \
	--editable '$(1)' || \
	{ status=$$?; echo "error: pip could not install them, for the reason above; the same command tries again" >&2; exit $$status; }

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "error: PYTHON: no Python 3.11, 3.12 or 3.13 found; give one with PYTHON=/path/to/python"; exit 2; }
	@echo "Installing Python packages into $(VENV), once: 6 GB of disk, 2 to 10 minutes, most of it downloading PyTorch ..."
	@$(PYTHON) -m venv $(VENV)
	@$(call pip,.[dev])
	@touch $@
	@echo "Installed."

# Lightning, transformers and others, which nothing but examples/ imports, and Optuna: what only tests need of all users.
$(EXAMPLES): $(INSTALLED)
	@echo "Installing what the examples and the search need, once: 220 MB of disk ..."
	@$(call pip,.[examples$(COMMA)optuna])
	@touch $@

quickstart: $(INSTALLED) ## The main job on small real data of four domains: none, mixup and MixupE compared
	@$(MAKE) --no-print-directory table-quickstart

# data.py: status 1 where a set could not be brought; its runs will say so.
table-%: $(INSTALLED) ## Run what is missing of configs/table/%.yaml and write results/%/ (DRY=1: only say what that means)
ifdef DRY
	@$(PY) scripts/table.py $* --dry $(if $(FRESH),--fresh) $(TABLE_OPTIONS)
else
	@$(if $(FRESH),,$(PY) scripts/table.py $* --unchanged $(TABLE_OPTIONS) && exit;) \
	$(PY) scripts/data.py fetch --table $* $(if $(FRESH),--fresh) $(TABLE_OPTIONS) || \
	{ status=$$?; [ $$status -eq 1 ] || exit $$status; }; \
	status=0; $(PY) scripts/train.py --multirun table=$* $(SWEEP_OPTIONS) $(FRESH_OPTIONS) || status=$$?; \
	if [ $$status -le 1 ]; then $(PY) scripts/table.py $* --wandb $(if $(FRESH),--fresh) $(if $(MINUTES),--partial) $(TABLE_OPTIONS) || status=$$?; fi; \
	exit $$status
endif

paper-%: $(INSTALLED) ## A table of the paper by its number: paper-1 to paper-8, paper-eta, paper-figure1 (as table-%)
	@$(call each,$(or $(PAPER_$*),paper$*))

paper: $(INSTALLED) ## All tables of the paper and its Figure 1, one after another (DRY=1: what they would cost)
	@$(call each,$(PAPER))

figure2: $(INSTALLED) ## Figure 2 of the paper: the sign of mixup's first-order term during training
	@$(PY) scripts/figure2.py $(OVERRIDES)

# table-images: the paper's tables of a domain.
$(DOMAINS:%=table-%): table-%: $(INSTALLED)
	@$(call each,$($*))

tables: $(INSTALLED) ## The paper's tables of all domains, one after another: table-images, -tabular, -speech, -graphs, -imagenet
	@$(call each,$(foreach domain,$(DOMAINS),$($(domain))))

tables-offline: $(INSTALLED) ## The same four domains on sets that need only package registries
	@$(call each,$(OFFLINE_TABLES))

# A table that fails does not keep the next from being made; it is named at the end.
ifdef DRY
each = $(PY) scripts/table.py $(1) --dry $(if $(FRESH),--fresh) $(TABLE_OPTIONS)
else
each = trap 'exit 130' INT TERM; failed=; \
	for table in $(1); do $(MAKE) --no-print-directory table-$$table || failed="$$failed $$table"; done; \
	if [ -n "$$failed" ]; then echo "error: not complete:$$failed" >&2; exit 1; fi
endif

report: $(INSTALLED) ## results/report.html: all tables that have records as one page to look at
	@$(PY) scripts/report.py

docs: $(INSTALLED) ## docs/reference.md, every key of a config, from the settings classes and configs/
	@$(PY) scripts/reference.py

# With GPU_PYTHON nothing is installed: docs/gpu.md says what that Python must have.
gpu: $(if $(GPU_PYTHON),,$(INSTALLED)) ## On a machine with a GPU: its tests, the benchmarks, CIFAR-100, Fashion-MNIST, in all MINUTES=9 (docs/gpu.md)
	@PYTHONPATH=src$${PYTHONPATH:+:$$PYTHONPATH} $(or $(GPU_PYTHON),$(PY)) scripts/gpu.py $(if $(MINUTES),--minutes=$(MINUTES)) \
		$(if $(ONLY),--only=$(ONLY)) $(OVERRIDES)

# A worker that is killed fails its test and ends the run: with --dist=loadfile pytest-xdist would wait for ever for the tests
# that were left to it. The limit ends whatever else waits; what a terminal sends (Ctrl-C) still arrives.
test: $(INSTALLED) $(EXAMPLES) ## The fast tests
	@timeout --foreground --signal=INT --kill-after=30 $(TEST_LIMIT) \
		$(PY) -m pytest --numprocesses=auto --dist=loadfile --max-worker-restart=0 || \
	{ status=$$?; case $$status in 124|137) echo "error: the tests were not over after TEST_LIMIT=$(TEST_LIMIT)" >&2;; esac; \
	exit $$status; }

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

# Two commands for a fresh machine: `make corpus` builds the demo, `make test` runs the tests.

PLAN ?= configs/demo.yaml
OUT ?=
ONLY ?=
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TOOLS := $(VENV)/.installed-tools
SITE := $(VENV)/.installed-site
DEMO := dumps/demo/planted.json

.DEFAULT_GOAL := help
.PHONY: help corpus test test-all check bench eval eval-gates faults fuzz docs clean

help:  ## show this
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "make corpus PLAN=configs/reddit.yaml OUT=out/mine builds a plan of your own"

corpus: $(INSTALLED) $(if $(filter configs/demo.yaml,$(PLAN)),$(DEMO))  ## build PLAN (the demo by default) into OUT
	$(BIN)/corpus build $(PLAN) $(if $(OUT),--out $(OUT))

$(DEMO): $(INSTALLED)
	$(BIN)/corpus demo $(dir $(DEMO))

# uv if it is there, else pip; both are held to the versions in constraints.txt.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is too old: 3.11 or newer is needed; try make PYTHON=python3.12"; exit 2; }
	@if command -v uv >/dev/null 2>&1; then \
	  echo "installing with uv"; \
	  uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
	  uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '$(1)'; \
	else \
	  echo "installing with pip"; \
	  $(PYTHON) -m venv $(VENV) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '$(1)'; \
	fi
	@touch $@
endef

$(INSTALLED): pyproject.toml constraints.txt
	$(call install,.)

$(TOOLS): pyproject.toml constraints.txt
	$(call install,.[dev])
	@touch $(INSTALLED)

$(SITE): pyproject.toml constraints.txt
	$(call install,.[docs])
	@touch $(INSTALLED)

# One process runs all tests of a file: they share servers, and the corpora they have built. Two
# processes with one thread of polars each are a tenth faster than with two; test-all has all threads.
test: $(TOOLS)  ## run the tests but the slow ones, two files at a time
	POLARS_MAX_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test-all: $(TOOLS)  ## run every test, with clusters, killed processes and wide searches
	$(BIN)/python -m pytest -n 2 --dist loadfile --hypothesis-profile wide

check: $(TOOLS)  ## ruff, strict mypy, and the table of who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# ONLY names benchmarks: make bench ONLY="dedup loader"; 'python -m bench.speed --help' lists them.
bench: $(TOOLS)  ## speed and memory, against datatrove in the same run
	$(BIN)/python -m bench.speed $(ONLY)

eval: $(TOOLS)  ## the models and the redaction on the gold sets in ../shared/data
	$(BIN)/python -m bench.quality $(ONLY)

eval-gates: $(TOOLS)  ## that the gates before Presidio lose nothing (a million strings, 15 minutes)
	$(BIN)/python -m bench.quality pii_gates

faults: $(TOOLS)  ## builds of 100,000 posts that are killed, starved, cut, flipped (an hour or so)
	$(BIN)/python -m bench.faults

fuzz: $(TOOLS)  ## every reader, the plan parser and model files on broken input, a fixed count
	$(BIN)/python -m bench.faults.fuzz_readers --rows 20000 --documents 4000
	$(BIN)/python -m bench.faults.fuzz_plans --plans 5000
	$(BIN)/python -m bench.faults.fuzz_models --flips 2000

docs: $(SITE)  ## write the tables of docs/ from the code, and the site into site/, with its links checked
	$(BIN)/python -m scripts.write_tables
	$(BIN)/python -m mkdocs build --strict
	$(BIN)/python -m scripts.check_links site

clean:  ## remove what make made (not dumps/ and out/)
	@[ ! -e "$(VENV)" ] || [ -f "$(INSTALLED)" ] || { echo "make: $(VENV) is not of 'make'; remove it yourself"; exit 2; }
	rm -rf $(VENV) .mypy_cache .ruff_cache .grimp_cache .pytest_cache .hypothesis .bench site
	find bench corpus filters scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

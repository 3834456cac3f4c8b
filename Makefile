# Two commands for a fresh machine: `make corpus` builds the demo, `make test` runs every test.

PLAN ?= configs/demo.yaml
OUT ?=
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TOOLS := $(VENV)/.installed-tools
DEMO := dumps/demo/planted.json
# The peers' interpreter, if there is one by then.
PEERS := test -x .bench/peers/bin/python && echo --datatrove .bench/peers/bin/python

.DEFAULT_GOAL := help
.PHONY: help corpus demo test check bench bench-dedup bench-cluster bench-loader eval eval-dedup
.PHONY: eval-gates eval-lm faults fuzz clean

help:  ## show this
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "make corpus PLAN=configs/reddit.yaml OUT=out/mine   builds a plan of your own"

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

# A file's tests stay together: they share servers, and what they have built.
test: $(TOOLS)  ## run every test, two files at a time
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(TOOLS)  ## ruff, strict mypy, and the table of who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_import_weight.py

bench: $(TOOLS)  ## speed and memory, beside datatrove in the same run
	$(BIN)/python -m bench.speed.end_to_end
	$(BIN)/python -m bench.speed.pii
	$(BIN)/python -m bench.speed.quality_presets
	$(BIN)/python -m bench.speed.memory
	$(BIN)/python -m bench.speed.takedown

bench-dedup: $(TOOLS)  ## deduplication: signatures beside the peers, and 1 to 20 million posts
	$(BIN)/python -m bench.speed.dedup
	$(BIN)/python -m bench.speed.decontaminate $$($(PEERS))
	$(BIN)/python -m bench.speed.repeats $$($(PEERS))

bench-cluster: $(TOOLS)  ## every runner's bytes and time (Ray's if it is installed); what each step costs
	$(BIN)/python -m bench.speed.runners
	$(BIN)/python -m bench.speed.cluster
	$(BIN)/python -m bench.speed.tombstones

bench-loader: $(TOOLS)  ## the training loader: text a second, beside HF datasets; the first batch
	$(BIN)/python -m bench.speed.loader

eval: $(TOOLS)  ## the models and the redaction on the gold sets in ../shared/data
	$(BIN)/python -m bench.quality.language
	$(BIN)/python -m bench.quality.quality_presets $$($(PEERS))
	$(BIN)/python -m bench.quality.toxicity
	$(BIN)/python -m bench.quality.classifier
	$(BIN)/python -m bench.quality.pii

eval-lm: $(TOOLS)  ## a small language model on equal amounts of raw, deduplicated, filtered text
	$(BIN)/python -m bench.quality.language_model

eval-gates: $(TOOLS)  ## that the gates before Presidio lose nothing (a million strings, 15 minutes)
	$(BIN)/python -m bench.quality.pii_gates

eval-dedup: $(TOOLS)  ## deduplication against brute force, beside the peers
	$(BIN)/python -m bench.quality.dedup --show 10

faults: $(TOOLS)  ## builds of 100,000 posts that are killed, starved, cut, flipped (an hour or so)
	$(BIN)/python -m bench.faults

fuzz: $(TOOLS)  ## every reader, the plan parser and model files on broken input, a fixed count
	$(BIN)/python scripts/fuzz_readers.py --lines 20000 --documents 4000
	$(BIN)/python scripts/fuzz_plans.py --plans 5000
	$(BIN)/python scripts/fuzz_models.py --flips 2000

clean:  ## remove what make made (not dumps/ and out/)
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .bench
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

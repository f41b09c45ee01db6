# Each target makes the virtual environment it needs on first use. `make help` lists them.
PYTHON ?= python3
WORK ?= build/demo
# The recogniser as one graph that the page in the browser has, and where it is served.
MODEL ?= $(WORK)/one_graph/recognizer.onnx
PORT ?= 8000

RUN := .venv/bin/python
DEMO := egs2/digits/asr1/demo
SPEECH_DEMO := egs2/digits/tts1/demo
# Two workers with one thread each use two cores; more threads per worker would slow down each other.
export OMP_NUM_THREADS ?= 1
WORKERS ?= 2

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo web test lint types imports torch-free unit docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  (PYTHON=python3.12 picks the interpreter for the environments; pip's settings are yours)"

demo: .venv/.ready ## export the demo models, verify them, transcribe recordings, say a sentence
	@bash $(DEMO)/run.sh --python $(RUN) --work $(WORK)
	@bash $(SPEECH_DEMO)/run.sh --python $(RUN) --work $(WORK)

web: web/node_modules/.ready $(MODEL) ## build and serve the page that transcribes in the browser (MODEL=, PORT=)
	@cd web && npm run --silent build -- $(abspath $(MODEL)) && npm run --silent start -- $(PORT)

test: lint types imports torch-free unit ## every check: lint, types, import directions, all tests

lint: .venv/.ready ## ruff: rules and formatting
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

types: .venv/.ready ## mypy
	$(RUN) -m mypy

imports: .venv/.ready ## import-linter: directions of imports
	.venv/bin/lint-imports

torch-free: .venv-runtime/.ready $(WORK)/bundle/bundle.yaml ## the runtime's tests without PyTorch installed
	DEMO_BUNDLE=$(WORK)/bundle .venv-runtime/bin/python -m pytest -q

unit: $(WORK)/bundle/bundle.yaml ## all tests
	DEMO_BUNDLE=$(WORK)/bundle $(RUN) -m pytest -q -n $(WORKERS)

docs: .venv/.ready ## the documentation site, in build/site
	$(RUN) -m pip install --quiet -e ".[doc]"
	$(RUN) -m mkdocs build --strict

clean: ## remove environments and everything built
	rm -rf .venv .venv-runtime build web/build web/dist web/node_modules *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(WORK)/bundle/bundle.yaml: .venv/.ready $(shell find espnet espnet2 $(DEMO)/exp -type f -not -name '*.pyc')
	@bash $(DEMO)/run.sh --python $(RUN) --work $(WORK) --stop_stage 1

$(WORK)/one_graph/recognizer.onnx: .venv/.ready
	@$(RUN) -m espnet2.bin.export_onnx --one_graph true --output_dir $(@D) \
		--asr_train_config $(DEMO)/exp/asr/config.yaml --asr_model_file $(DEMO)/exp/asr/valid.acc.ave.pth \
		--lm_train_config $(DEMO)/exp/lm/config.yaml --lm_file $(DEMO)/exp/lm/valid.loss.ave.pth

web/node_modules/.ready: web/package-lock.json
	@cd web && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

.venv/.ready: EXTRAS = ".[export,test]"
.venv/.ready: setup.py espnet/version.txt
	$(environment)

.venv-runtime/.ready: EXTRAS = . onnx pytest hypothesis
.venv-runtime/.ready: setup.py espnet/version.txt
	$(environment)

define environment
@$(PYTHON) -c 'import sys; v = sys.version_info; (3, 10) <= v < (3, 14) or sys.exit("PYTHON=$(PYTHON) is Python %d.%d, and 3.10 to 3.13 is needed: name one, as in make PYTHON=python3.12." % v[:2])'
@echo "Setting up $(@D) ..."
@$(PYTHON) -m venv $(@D)
@$(@D)/bin/python -m pip install --quiet -e $(EXTRAS)
@touch $@
endef

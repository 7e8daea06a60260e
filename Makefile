# Labelshare. Two commands do everything on a fresh machine: `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ANVIL_VERSION := 1.7.1
OS := $(shell uname -s | tr '[:upper:]' '[:lower:]')
ARCH := $(shell uname -m | sed -e 's/x86_64/amd64/' -e 's/aarch64/arm64/')
ANVIL := .tools/node_modules/@foundry-rs/anvil-$(OS)-$(ARCH)/bin/anvil
FORGE := .tools/node_modules/@foundry-rs/forge-$(OS)-$(ARCH)/bin/forge
PROOF := .tools/proof-venv/bin
OLDEST_NUMPY := .tools/oldest-numpy-venv
SEED ?= $(shell date +%s)
MUTANTS ?= 50
SERVE ?= 1
RPC_PORT ?= 18555
PORT ?= 18700
EXAMPLES ?= 200
STEPS ?= 60
SEEDS ?= 200
LIES ?= 10000
TURNS ?= 1000
KILLS ?= 200
MINUTES ?= 10

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

.PHONY: demo
demo: setup ## The main job on real crowds, end to end; serves until Ctrl-C (SERVE=0: exits after the report)
	@$(BIN)/python -m scripts.demo --rpc-port $(RPC_PORT) --port $(PORT) $(if $(filter 0,$(SERVE)),--no-serve,)

.PHONY: test
test: setup lint .tools/browser.done ## All tests: contracts, unit, integration, browser, vectors, types, style, arrows, generated files
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=line test-chain test-rest

# Two lanes, for a machine with two cores.
.PHONY: test-chain test-rest
test-chain:
	@scripts/brownie test
	@$(FORGE) test

test-rest:
	@$(BIN)/pytest tests/unit
	@$(BIN)/pytest tests/integration
	@npm test --silent --prefix web
	@$(BIN)/pytest tests/browser

.PHONY: exploit-patches
exploit-patches: setup ## Breaks each defence of the contracts in a copy, where its exploit test must notice
	@$(BIN)/python -m scripts.deep.exploit_patches

.PHONY: lab
lab: .tools/python.done .tools/crowd-kit.done ## The incentive lab on all 14 crowds, with crowd-kit's rules too; docs/INCENTIVES.md's tables from it (hours)
	@OMP_NUM_THREADS=1 nice -n 10 $(BIN)/labelshare lab
	@$(BIN)/python -m scripts.lab.incentives_doc

.PHONY: crowd-kit
crowd-kit: .tools/crowd-kit.done ## crowd-kit in an environment of its own, for the lab to compare with

.PHONY: stateful-deep
stateful-deep: setup ## The invariants in many more random runs, and a table of what they did (EXAMPLES=200 STEPS=60 SEEDS=200)
	@LABELSHARE_STATEFUL_EXAMPLES=$(EXAMPLES) LABELSHARE_STATEFUL_STEPS=$(STEPS) LABELSHARE_STATEFUL_SEEDS=$(SEEDS) \
	  scripts/brownie test tests/contracts/stateful -s

.PHONY: lint
lint: setup ## Style, types, direction of imports, freshness of generated files
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m scripts.export_bindings --check
	@$(BIN)/python -m scripts.export_reference --check
	@$(BIN)/python -m scripts.export_openapi --check
	@npm run --silent --prefix web types:check
	@npm run --silent --prefix web lint

.PHONY: check-api
check-api: setup .tools/check.done ## Schemathesis over the OpenAPI document: no server error, no undocumented answer, nothing without signing in
	@nice -n 5 $(BIN)/python -m tests.deep.api_fuzz

.PHONY: check-croissant
check-croissant: setup .tools/croissant.done ## The Hugging Face export's Croissant file, validated and loaded by mlcroissant (1 minute)
	@nice -n 5 $(BIN)/python -m tests.deep.croissant

.PHONY: check-build
check-build: setup ## Compiles twice from clean folders at different paths: the bytecode must be the same (2 minutes)
	@nice -n 5 $(BIN)/python -m scripts.verify_build

.PHONY: check-deploy
check-deploy: setup ## Kills a deployment at every transaction: before it is sent, once it is sent, once it is mined (3 minutes)
	@nice -n 5 $(BIN)/pytest tests/deep/test_deploy_kills.py

.PHONY: relay-kills
relay-kills: setup ## SIGKILL at each of the relayer's steps KILLS times, and two relayers on 10,000 items (hours)
	@LABELSHARE_KILLS=$(KILLS) nice -n 5 $(BIN)/pytest tests/deep/test_relay_kills.py

.PHONY: soak
soak: setup ## MINUTES of kills, node faults, reorganizations and database restarts, with an audit every minute
	@$(BIN)/python -m scripts.soak --minutes $(MINUTES)

.PHONY: bench-load
bench-load: setup ## 10,000 signed submissions at once through API, relayer, chain and mirror (5 minutes)
	@$(BIN)/python -m scripts.bench.load

.PHONY: bench-gas
bench-gas: setup ## Gas against the protocol's budgets; fails when one is broken
	@scripts/brownie bench gas

.PHONY: bench-rules
bench-rules: .tools/python.done .tools/crowd-kit.done .tools/oldest-numpy.done ## Speed and memory of the scoring rule at 100,000 and 10,000,000 labels, beside crowd-kit (5 minutes)
	@$(BIN)/python -m scripts.bench.rules

.PHONY: bench-indexer
bench-indexer: setup ## Speed of the mirror on 120,000 events of the protocol's own, beside its floor, web3.py and Ponder (10 minutes)
	@$(BIN)/python -m scripts.bench.indexer

.PHONY: mirror-deep
mirror-deep: setup ## The mirror at length: 10,000 lying replies, 1,000 reorganizations on SQLite and on PostgreSQL (LIES=10000 TURNS=1000)
	@LABELSHARE_LIES=$(LIES) nice -n 5 $(BIN)/pytest tests/unit/test_mirror_lies.py
	@LABELSHARE_TURNS=$(TURNS) nice -n 5 $(BIN)/pytest tests/integration/test_mirror_turns.py tests/integration/test_indexer_truth.py

.PHONY: gas-snapshot
gas-snapshot: setup ## Renews the gas figures that the contract tests compare with
	@scripts/brownie bench gas_snapshot

.PHONY: test-deep
test-deep: setup forge halmos slither check-build check-deploy relay-kills exploit-patches stateful-deep mutation check-api check-croissant mirror-deep ## Everything that takes long: fuzz campaigns, proofs, Slither, mutants, exploits

.PHONY: forge
forge: .tools/node.done ## Fuzz and invariants at length: 10,000 runs of 32 calls, a new SEED each time
	@echo "Seed $(SEED)"
	@FOUNDRY_PROFILE=deep $(FORGE) test --fuzz-seed $(SEED)

.PHONY: halmos
halmos: setup .tools/proof.done ## Proves the check_ functions for all inputs, and shows that each can fail
	@$(PROOF)/python -m scripts.deep.halmos

.PHONY: slither
slither: setup .tools/proof.done ## Slither over all contracts: fails on any finding not triaged in slither.triage.toml
	@$(PROOF)/python -m scripts.deep.slither

.PHONY: mutation
mutation: setup .tools/proof.done ## Breaks the contracts in MUTANTS places each: 90% must be noticed
	@$(PROOF)/python -m scripts.deep.mutation --cap $(MUTANTS)

.PHONY: bindings
bindings: setup ## Regenerates ABIs, typed events and the reference of errors from the compiled contracts
	@$(BIN)/python -m scripts.export_bindings
	@$(BIN)/python -m scripts.export_reference

.PHONY: setup
setup: .tools/python.done .tools/node.done .tools/compiled.done .tools/web.done ## Installs everything into this folder and compiles the contracts

.tools/tools-checked:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed: $$($(PYTHON) --version 2>&1 || echo none found). Install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@for tool in node npm git; do command -v $$tool >/dev/null || { echo "$$tool is missing. Install $$tool (Node.js 20 or newer brings node and npm) and run make again."; exit 1; }; done
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || { echo "Node.js 20 or newer is needed; this is $$(node --version)."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 1; }
	@mkdir -p .tools && touch $@

.tools/python.done: requirements.lock | .tools/tools-checked
	@echo "Installing Python packages into $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "labelshare-checkout.pth").write_text(str(pathlib.Path.cwd()))'
	@printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -m labelshare.cli "$$@"\n' > $(BIN)/labelshare && chmod +x $(BIN)/labelshare
	@touch $@

.tools/node.done: package-lock.json package.json scripts/solc.js Makefile | .tools/tools-checked
	@echo "Installing the Solidity compiler, OpenZeppelin and anvil …"
	@npm ci --silent --no-progress
	@mkdir -p .tools/solcx && ln -sfn ../../scripts/solc.js .tools/solcx/solc-v0.8.30
	@test -x $(ANVIL) || npm install --silent --no-progress --no-save --prefix .tools @foundry-rs/anvil-$(OS)-$(ARCH)@$(ANVIL_VERSION) || \
	  { echo "anvil $(ANVIL_VERSION) is not to be had for $(OS)-$(ARCH) from this npm registry. Install Foundry's anvil and link it to $(ANVIL)"; exit 1; }
	@test -x $(FORGE) || npm install --silent --no-progress --no-save --prefix .tools @foundry-rs/anvil-$(OS)-$(ARCH)@$(ANVIL_VERSION) @foundry-rs/forge-$(OS)-$(ARCH)@$(ANVIL_VERSION) || \
	  { echo "forge $(ANVIL_VERSION) is not to be had for $(OS)-$(ARCH) from this npm registry. Install Foundry's forge and link it to $(FORGE)"; exit 1; }
	@$(ANVIL) --version >/dev/null
	@$(FORGE) --version >/dev/null
	@touch $@

.tools/web-packages.done: web/package-lock.json web/package.json | .tools/tools-checked
	@echo "Installing what the web app is built from …"
	@cd web && npm ci --silent --no-progress
	@touch $@

.tools/web.done: .tools/web-packages.done web/index.html web/vite.config.ts $(shell find web/src web/public -type f)
	@echo "Building the web app …"
	@npm run --silent --prefix web build
	@touch $@

.PHONY: screens
screens: setup .tools/browser.done ## Pictures of every page, light and dark, desktop and phone, into reports/screens (3 minutes)
	@$(BIN)/python -m tests.browser.screens

.PHONY: bench-web
bench-web: setup .tools/browser.done ## Size of the first load, and how soon the next item shows after Enter; fails over budget
	@$(BIN)/python -m scripts.bench.web

.tools/browser.done: | .tools/tools-checked
	@test -n "$${LABELSHARE_CHROMIUM:-}" || command -v chromium chromium-browser >/dev/null || { \
	  echo "Installing Chromium with apt …"; \
	  as_root=; test "$$(id -u)" = 0 || as_root=sudo; \
	  { $$as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -qq --no-install-recommends chromium; } \
	    > .tools/browser.log 2>&1; } || \
	  { tail -5 .tools/browser.log; echo "Chromium is needed by the browser tests. Install it, or set LABELSHARE_CHROMIUM to its path."; exit 1; }
	@touch $@

.tools/proof.done: scripts/deep/requirements.lock | .tools/tools-checked
	@echo "Installing Slither and Halmos into .tools/proof-venv …"
	@test -x $(PROOF)/python || $(PYTHON) -m venv .tools/proof-venv
	@$(PROOF)/pip install --quiet --disable-pip-version-check --require-hashes -r scripts/deep/requirements.lock
	@touch $@

.tools/check.done: scripts/check/requirements.lock | .tools/tools-checked
	@echo "Installing Schemathesis into .tools/check-venv …"
	@test -x .tools/check-venv/bin/python || $(PYTHON) -m venv .tools/check-venv
	@.tools/check-venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r scripts/check/requirements.lock
	@touch $@

.tools/croissant.done: scripts/check/croissant.lock | .tools/tools-checked
	@echo "Installing mlcroissant into .tools/croissant-venv …"
	@test -x .tools/croissant-venv/bin/python || $(PYTHON) -m venv .tools/croissant-venv
	@.tools/croissant-venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r scripts/check/croissant.lock
	@touch $@

.tools/crowd-kit.done: scripts/lab/requirements.lock | .tools/tools-checked
	@echo "Installing crowd-kit into .tools/crowdkit-venv …"
	@test -x .tools/crowdkit-venv/bin/python || $(PYTHON) -m venv .tools/crowdkit-venv
	@.tools/crowdkit-venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r scripts/lab/requirements.lock
	@touch $@

.tools/oldest-numpy.done: scripts/bench/oldest-numpy.lock | .tools/python.done
	@echo "Installing the oldest numpy that is allowed into $(OLDEST_NUMPY) …"
	@test -x $(OLDEST_NUMPY)/bin/python || $(PYTHON) -m venv $(OLDEST_NUMPY)
	@$(OLDEST_NUMPY)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r scripts/bench/oldest-numpy.lock
	@$(OLDEST_NUMPY)/bin/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "everything-else.pth").write_text("$(CURDIR)/" + next(pathlib.Path("$(VENV)").glob("lib/python*/site-packages")).as_posix())'
	@touch $@

.tools/compiled.done: .tools/python.done .tools/node.done $(shell find contracts -name '*.sol') brownie-config.yaml
	@echo "Compiling contracts …"
	@scripts/brownie compile > .tools/compile.log 2>&1 || { rm -rf build; scripts/brownie compile > .tools/compile.log 2>&1; } || \
	  { cat .tools/compile.log; exit 1; }
	@touch $@

.PHONY: lock
lock: ## Resolves the lock files anew (needs uv in the PATH)
	uv pip compile --quiet pyproject.toml --extra server --extra dev --python-version 3.11 --universal --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements.lock
	uv pip compile --quiet scripts/deep/requirements.in --python-version 3.11 --universal --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o scripts/deep/requirements.lock
	uv pip compile --quiet scripts/bench/oldest-numpy.in --python-version 3.11 --universal --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o scripts/bench/oldest-numpy.lock
	uv pip compile --quiet scripts/lab/requirements.in --python-version 3.11 --universal --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o scripts/lab/requirements.lock
	uv pip compile --quiet scripts/check/requirements.in --python-version 3.11 --universal --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o scripts/check/requirements.lock
	uv pip compile --quiet scripts/check/croissant.in --python-version 3.11 --universal --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o scripts/check/croissant.lock
	npm install --silent --package-lock-only --prefix web
	@node -e 'const fs = require("fs"), lock = JSON.parse(fs.readFileSync("web/package-lock.json")); \
	  for (const entry of Object.values(lock.packages)) delete entry.funding; \
	  fs.writeFileSync("web/package-lock.json", JSON.stringify(lock, null, 2) + "\n")'

.PHONY: clean
clean: ## Removes what was built and installed in this folder
	rm -rf $(VENV) .tools node_modules web/node_modules web/dist build reports run .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

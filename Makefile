# `make help` lists what there is. Everything is installed into .venv in this clone; nothing is written outside it.

VENV := .venv
PY := $(VENV)/bin/python
CODE := .ci/venv.py .ci/node.py dashboards/hatch_build.py hub $(wildcard tests loadtests)
# Python 3.11 or newer; the first of these that is one, or the one you name: make PYTHON=/opt/python3.13/bin/python3 demo
PYTHON ?=
CANDIDATES := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
ARGS ?=

unexport PYTHONHOME PYTHONPATH
# Tests start hundreds of processes, each of which would compile the program anew.
unexport PYTHONDONTWRITEBYTECODE
# Some tools stop where there is no HOME to look for their settings in.
export HOME := $(or $(HOME),$(CURDIR)/$(VENV))

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lint bench load pictures console docs lock audit clean strace chromium clamd

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo console  ## run everything with made-up schools and readers; ARGS="--rate 50 --duration 60"
	@$(VENV)/bin/passhub demo $(ARGS)

test: $(VENV)/.dev $(VENV)/.node console strace chromium clamd  ## every test, against real PostgreSQL and Valkey processes
	$(PY) -m pytest tests --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-fast: $(VENV)/.dev  ## the tests that need no service, in less than 30 s
	$(PY) -m pytest -m "not service" $(wildcard tests/unit tests/arch tests/conformance) $(ARGS)

lint: $(VENV)/.dev  ## style, types, who imports whom, the console's types, Dockerfile, compose file
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy $(CODE)
	$(VENV)/bin/lint-imports --no-logo
	$(PY) dashboards/hatch_build.py check
	$(VENV)/bin/hadolint Dockerfile
	$(PY) -m check_jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml

bench: $(VENV)/.dev $(VENV)/.node console chromium  ## measure against limits and peers, into docs/benchmarks.md; ARGS="--only soon"
	$(PY) -m loadtests.bench $(ARGS)

load: $(VENV)/.dev  ## readers and screens by locust on a demo of their own; ARGS="--users 50 --run-time 5m"
	@$(PY) -m loadtests.load $(ARGS)

pictures: $(VENV)/.dev console chromium  ## screenshots of the console's pages into docs/screenshots; ARGS="--only live,doors"
	@$(PY) -m loadtests.pictures $(ARGS)

console: $(VENV)/.demo  ## build the guard console anew where its sources have changed
	@$(PY) dashboards/hatch_build.py

docs: $(VENV)/.dev  ## write what is made from the code: docs/asyncapi.json and docs/vectors
	$(PY) -m hub.live.asyncapi > $(VENV)/asyncapi.json && mv $(VENV)/asyncapi.json docs/asyncapi.json
	$(PY) -m tests.vectors_writer

# The subsets follow requirements.lock, so that every install has the same versions. UPGRADE=1 takes newer ones.
COMPILE = UV_CACHE_DIR=$(VENV)/uv $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate $(if $(UPGRADE),--upgrade)
lock: $(VENV)/.dev  ## write the requirements*.lock files anew from pyproject.toml; UPGRADE=1 for newer versions
	$(PY) -m pip install --quiet --no-cache-dir --disable-pip-version-check uv
	printf 'hatchling>=1.27\nnodejs-wheel-binaries>=24,<25\n' > $(VENV)/build.in
	$(COMPILE) pyproject.toml $(VENV)/build.in --extra demo --extra dev -o requirements.lock
	$(COMPILE) pyproject.toml $(VENV)/build.in --extra demo -c requirements.lock -o requirements-demo.lock
	$(COMPILE) pyproject.toml -c requirements.lock -o requirements-runtime.lock
	$(COMPILE) $(VENV)/build.in -c requirements.lock -o requirements-build.lock

audit: $(VENV)/.dev  ## published vulnerabilities of the pinned versions; fails where it cannot look them up
	$(PY) -m pip_audit --strict --cache-dir $(VENV)/audit --disable-pip --require-hashes -r requirements.lock

clean:  ## remove what make and the tools made, .venv too
	rm -rf $(VENV) build dist hub/live/page dashboards/guard/node_modules dashboards/guard/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One test traces system calls, some drive a browser, some ask clamd. Without these they say so, and fail where CI=true.
strace chromium:
	@if [ "$$(id -u)" = 0 ] && ! command -v $@ >/dev/null && command -v apt-get >/dev/null; then \
	    echo "installing $@"; \
	    { apt-get install -qq -y --no-install-recommends $@ || \
	        { apt-get update -qq && apt-get install -qq -y --no-install-recommends $@; }; } >/dev/null 2>&1 || true; \
	fi

# clamd comes in a package of another name, and below a folder that is not in everybody's PATH. No signatures are fetched.
clamd:  ## install clamd where that may be done; some tests ask it
	@if [ "$$(id -u)" = 0 ] && ! command -v clamd /usr/sbin/clamd >/dev/null && command -v apt-get >/dev/null; then \
	    echo "installing clamav-daemon"; \
	    { apt-get install -qq -y --no-install-recommends clamav-daemon || \
	        { apt-get update -qq && apt-get install -qq -y --no-install-recommends clamav-daemon; }; } >/dev/null 2>&1 || true; \
	fi

define INSTALL
@python=$$(for candidate in $(CANDIDATES); do \
    "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$candidate" && break; done); \
if [ -z "$$python" ]; then \
    echo "passhub needs Python 3.11 or newer, and none of these is one: $(CANDIDATES); say which: make PYTHON=/path/to/python3 $(or $(MAKECMDGOALS),demo)" >&2; \
    exit 1; \
fi; \
"$$python" .ci/venv.py $(1)
endef

$(VENV)/.demo: requirements-demo.lock pyproject.toml
	$(call INSTALL,requirements-demo.lock)
	@touch $@

$(VENV)/.dev: requirements.lock pyproject.toml
	$(call INSTALL,requirements.lock)
	@touch $@ $(VENV)/.demo

# Socket.IO's own client and server, for the tests and the bench; Node itself is one of the packages above.
$(VENV)/.node: tests/node/package.json tests/node/package-lock.json tests/node/.npmrc $(VENV)/.dev
	@$(PY) .ci/node.py
	@touch $@

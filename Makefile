# Two commands: `make demo` and `make test`. Both set up everything they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(CURDIR)/$(VENV)/bin
STATIC := src/shoal/server/static/index.html
WEB    := $(shell find web/src web/public -type f 2>/dev/null) web/index.html web/vite.config.ts web/package.json
ARGS   ?=
# Needs the machine for itself: it comes after the rest, one test at a time.
ALONE  := wheel or alone
export PATH := $(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test check experiments dev wheel clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/ready $(STATIC) ## Map the demo pictures and open the page (ARGS=--no-serve: print a summary and stop)
	@shoal demo $(ARGS)

test: $(VENV)/ready $(STATIC) ## Run every test: Python, the page's units, the page in Chromium, the wheel
	cd web && npm test --silent
	pytest -n 2 --dist loadfile -m "not ($(ALONE))"
	pytest -m "$(ALONE)"

check: $(VENV)/ready web/node_modules/ready ## Lint and type-check Python and TypeScript
	ruff check . && ruff format --check .
	mypy
	cd web && npm run check --silent

experiments: $(VENV)/ready ## List the experiments; NAME=... runs one (ARGS=--smoke: in seconds)
	@test "$(NAME)" != projectors || pip install --quiet --constraint constraints.txt --editable '.[benchmarks]'
	@python -m experiments $(NAME) $(ARGS)

dev: $(VENV)/ready web/node_modules/ready ## Rebuild the page at every change (beside it: shoal serve WORKSPACE)
	cd web && npm run dev

wheel: $(VENV)/ready ## Build dist/shoal-*.whl with the page inside
	rm -rf $(dir $(STATIC)) dist
	pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## Remove everything that make made
	rm -rf $(VENV) web/node_modules $(dir $(STATIC)) dist

$(VENV)/ready: pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

web/node_modules/ready: $(VENV)/ready web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STATIC): web/node_modules/ready $(WEB)
	cd web && npm run build --silent
	@touch $@

SHELL := /bin/bash
TOOLS := tests/tools
DEV := $(TOOLS)/in-venv dev
.DEFAULT_GOAL := help
.PHONY: help setup check fix test demo bench lab-up lab-down docs build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## the tools of `make check`, under $XDG_CACHE_HOME/mailfleet (every target does its own set-up)
	@$(TOOLS)/system-packages check
	@$(DEV) true

check: setup ## lint, types and unit tests; no root; LEGS="ruff unit" runs only these
	@$(DEV) python $(TOOLS)/legs.py check $(LEGS)

test: setup ## everything, with the lab (root)
	@$(TOOLS)/system-packages lab dns
	@$(DEV) python $(TOOLS)/legs.py test $(LEGS)

demo: setup ## the lab, a site run, a message for each lane and provider, and what the receivers saw (root)
	@$(TOOLS)/system-packages lab
	@$(DEV) tests/demo/run

bench: setup ## the measurements of docs/, made again (root)
	@$(TOOLS)/system-packages lab dns
	@$(TOOLS)/in-venv bench tests/bench/run

lab-up: setup ## two senders, DNS, mailbox-provider personas and the golden receiver (root)
	@$(TOOLS)/system-packages lab
	@$(DEV) tests/lab/lab up

lab-down: ## stops what lab-up started (root)
	@$(DEV) tests/lab/lab down

docs: setup ## the documentation site, in docs/site
	@$(TOOLS)/docs

build: setup ## the collection's tarball, in dist
	@$(TOOLS)/build

fix: setup ## sorts imports and formats, as `make check` wants it
	@$(DEV) ruff check --quiet --fix . || true
	@$(DEV) ruff format --quiet .

# `make help` lists what there is. Everything is made inside the checkout (.venv, .cache); only `make test` as root installs Debian packages.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PREPARE := sh tests/ci/prepare.sh
CHECKS := env PYTHONPATH=tests .venv/bin/python -m ci

help:  ## this list
	@echo "make demo         a simulated cluster, the real playbooks and the autoscale loop through two days; never needs root"
	@echo "make test         everything that continuous integration runs; as root it installs the Debian packages it needs"
	@echo "make test-user    the same without root; names what it left out"
	@echo "make lint         ruff, mypy, import-linter, yamllint, ansible-lint, antsibull"
	@echo "make unit         unit tests"
	@echo "make sanity       ansible-test sanity"
	@echo "make integration  ansible-test integration against the simulator"
	@echo "make galaxy       build the collection, galaxy-importer, install, ansible-doc"
	@echo "make system       tests against a real sshd, the real sudo and booted Debians; as root"
	@echo "make readme       run the commands of README.md, CONTRIBUTING.md and docs/"
	@echo "make bench        how fast we are against community.proxmox and pct; installs 500 MB into .cache/bench, takes 10 minutes"
	@echo "make judge        our sizing against others' on real traces, and its goals; TRACES=DIR for others than tests/traces; takes 10 minutes"
	@echo "make dist         the collection's tarball, in dist/"
	@echo "make clean        remove everything that the other targets made"

demo:
	@$(PREPARE) demo
	@.venv/bin/python tests/demo/run.py $(DEMO_OPTIONS)

test test-user lint unit sanity integration galaxy readme system:
	@$(PREPARE) test
	@$(CHECKS) $@

bench:
	@$(PREPARE) bench
	@.venv/bin/python tests/benchmarks $(BENCH_OPTIONS)

# Its own environment: numpy is needed nowhere else.
TRACES ?= tests/traces
judge:
	@test -x .cache/judge/bin/python || python3 -m venv .cache/judge
	@.cache/judge/bin/python -m pip install --quiet --requirement tests/benchmarks/judge/requirements.txt
	@nice -n 19 .cache/judge/bin/python tests/benchmarks/judge/goals.py --traces $(TRACES) $(JUDGE_OPTIONS)

dist:
	@$(PREPARE) demo
	@rm -rf .cache/build dist
	@PYTHONPATH=tests .venv/bin/python -c 'from ci import places, tree; tree.copy_project(places.CACHE / "build")'
	@.venv/bin/ansible-galaxy collection build .cache/build --output-path dist

clean:
	rm -rf .venv .cache .ansible .hypothesis dist tests/output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help demo test test-user lint unit sanity integration galaxy readme system bench judge dist clean

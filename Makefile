# The verbs of this project. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
# What was built stays, although only a pattern names it.
.SECONDARY:

VERSIONS := $(shell make/pythons.sh | cut -d' ' -f1)
ifeq ($(VERSIONS),)
ifneq ($(MAKECMDGOALS),)
$(error No CPython 3.11, 3.12 or 3.13 was found. On Debian 12, as root: apt-get install python3 python3-venv)
endif
endif
# The interpreter for what needs only one: the first of them.
VERSION := $(firstword $(VERSIONS))
VENV := .venv/$(VERSION)
PYTHON := $(VENV)/bin/python
CARGO := cargo
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# What the wheel is made from: a change in any of it makes a new one.
SOURCES := $(shell find Cargo.toml Cargo.lock pyproject.toml README.md crates python -type f \
	! -path '*/__pycache__/*' ! -name '*.so' ! -path '*/tests/*' ! -path '*/benches/*' ! -path '*/examples/*')

.PHONY: help
help: ## List the verbs.
	@echo "mtaio-monitoring: seeing inside async services"
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

.PHONY: run
run: $(VENV)/installed ## Build, and watch this machine and a small async service under load, here and on a page. Ctrl-C ends it.
	@exec $(PYTHON) examples/live_service.py

.PHONY: test
test: check rust-tests fuzz-tests $(VERSIONS:%=python-tests-%) browser-tests ## Install what the tests need and run all of them, on each CPython 3.11-3.13 there is.
	@echo "all tests passed on CPython $(VERSIONS)"

.PHONY: bench
bench: $(VENV)/installed $(VENV)/peers ## Measure beside the peers, in one run, and print the ratios.
	@$(PYTHON) -m benchmarks || true

.PHONY: check
check: tools $(VENV)/tools ## Formatting, lints, types.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- -D warnings
	$(CARGO) fmt --manifest-path $(EXTENSION) --check
	PYO3_PYTHON=$(CURDIR)/$(PYTHON) $(CARGO) clippy --manifest-path $(EXTENSION) --target-dir $(EXTENSION_TARGET) --locked -- -D warnings
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(PYTHON) -m mypy python/mtaio

.PHONY: soak
soak: $(VENV)/installed $(VENV)/tools ## What takes long: ten minutes at 1 ms intervals, and more.
	$(PYTHON) -m pytest tests/python -m soak --override-ini addopts="-ra --strict-markers"

# Seconds that each target of the fuzzer gets, and which: FUZZ_TARGETS="stat profile".
FUZZ_SECONDS := 60
FUZZ_TARGETS :=

.PHONY: fuzz
fuzz: cplusplus ## Feed every parser with what reaches new code: FUZZ_SECONDS (60) each, FUZZ_TARGETS or all.
	@make/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)

.PHONY: docs
docs: $(VENV)/installed ## Write the metric catalogue into docs/, and build the crates' documentation.
	$(PYTHON) docs/write_metrics.py
	$(CARGO) doc --workspace --no-deps --locked

.PHONY: clean
clean: ## Remove everything that was built or installed here.
	rm -rf target fuzz/target .venv dist tests/browser/node_modules .mypy_cache .ruff_cache .pytest_cache

# --- what the verbs stand on ---

.PHONY: tools
tools:
	@command -v cargo >/dev/null || { echo 'missing: cargo, of Rust 1.95 or newer (https://rustup.rs)' >&2; exit 1; }
	@make/need.sh 'command -v cc' gcc libc6-dev

.PHONY: rust-tests
rust-tests: tools .venv/debian/unpacked
	$(CARGO) test --workspace --exclude mtaio-monitoring-python --all-features --locked
	$(CARGO) run --quiet --locked -p mtaio-monitoring --example basic
	$(CARGO) run --quiet --locked -p mtaio-monitoring --example thresholds
	$(CARGO) run --quiet --locked -p mtaio-monitoring --example profiler

# Whether the fuzzer builds, and runs a little: a minute from nothing. The core's tests replay the corpus.
.PHONY: fuzz-tests
fuzz-tests: cplusplus
	@make/fuzz.sh short

.PHONY: cplusplus
cplusplus: tools
	@make/need.sh 'command -v c++' g++

# What does not depend on the interpreter is tested on one of them.
python-tests-%: .venv/%/installed .venv/%/tools .venv/upstream .venv/extension/rust_service.abi3.so .venv/debian/unpacked
	.venv/$*/bin/python -m pytest tests/python -m '$(if $(filter $*,$(VERSION)),not soak,not soak and not once)'

# The page that is served, and that of a profile, opened in a browser.
.PHONY: browser-tests
browser-tests: $(VENV)/installed $(VENV)/browser
	$(PYTHON) -m pytest tests/browser

$(VENV)/browser: tests/browser/requirements.txt tests/browser/package.json | tools
	@make/need.sh 'command -v chromium && command -v chromedriver' chromium chromium-driver
	@make/need.sh 'command -v fc-list && fc-list :lang=ja | grep -q .' fontconfig fonts-noto-cjk
	@make/need.sh 'command -v npm' npm
	@make/venv.sh $(VERSION)
	$(PYTHON) -m pip install --quiet --requirement tests/browser/requirements.txt
	cd tests/browser && npm install --silent --no-audit --no-fund
	@touch $@

# The wheel, built for one interpreter and installed into its environment.
.venv/%/installed: $(SOURCES) | tools
	@make/venv.sh $*
	@test -x .venv/$*/bin/maturin || .venv/$*/bin/python -m pip install --quiet 'maturin>=1.16,<2'
	@rm -rf dist/$*
	.venv/$*/bin/maturin build --release --locked --quiet --interpreter .venv/$*/bin/python --out dist/$*
	.venv/$*/bin/python -m pip install --quiet --force-reinstall --no-deps dist/$*/*.whl
	@touch $@

.venv/%/tools: tests/requirements.txt | tools
	@make/venv.sh $*
	.venv/$*/bin/python -m pip install --quiet --requirement tests/requirements.txt
	@touch $@

.venv/%/peers: benchmarks/requirements.txt | tools
	@make/venv.sh $*
	.venv/$*/bin/python -m pip install --quiet --requirement benchmarks/requirements.txt
	.venv/$*/bin/python -m pip install --quiet --no-deps --upgrade --target .venv/peers/mtaio mtaio==0.1.0
	@touch $@

# A Rust extension whose traces the tests take into the Python timeline: one build for every CPython.
EXTENSION := tests/extension/Cargo.toml
EXTENSION_TARGET := $(or $(CARGO_TARGET_DIR),target)/extension
.venv/extension/rust_service.abi3.so: $(SOURCES) $(shell find tests/extension -type f) | tools
	@make/venv.sh $(VERSION)
	@mkdir -p $(@D)
	PYO3_PYTHON=$(CURDIR)/$(PYTHON) $(CARGO) build --quiet --locked --manifest-path $(EXTENSION) --target-dir $(EXTENSION_TARGET)
	@cp $(EXTENSION_TARGET)/debug/librust_service.so $@

# Programs that numbers and alerts are held against. Unpacked, because those that are installed are daemons.
.venv/debian/unpacked: make/unpack.sh make/debian-packages
	@make/need.sh 'command -v free && command -v vmstat' procps
	@make/unpack.sh $(@D) $$(cat make/debian-packages)
	@touch $@

# The package whose monitoring module this one replaces: the tests lay it under ours.
.venv/upstream: | tools
	@make/venv.sh $(VERSION)
	@rm -rf $@
	$(PYTHON) -m pip download --quiet --no-deps --dest $@ mtaio==0.1.0

# `make demo` and `make test` need Python 3.11 or later, make, and a package index; nothing else.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
EXTRAS := bench,dev,images,onnx,pandas,postgresql,ray,report,trackers,web

.PHONY: help demo test check lint bench campaign fuzz device-check results docs dist lowest sbom audit hashes clean

help:  ## What there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt hashes.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
	v >= (3, 11) or sys.exit("reinas needs Python 3.11 or later; this is %d.%d: try make PYTHON=python3.11" % v)'
	$(PYTHON) -m venv .venv
	$(PIP) --require-hashes --no-deps -r hashes.txt
	$(PIP) --no-build-isolation -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $(READY)

demo: $(READY)  ## Find a network for real images in two minutes, beside what simpler models reach
	$(BIN)/reinas fit digits --minutes 2 --name demo --to demo
	$(BIN)/reinas show demo --html demo.html --svg demo.svg
	$(BIN)/python -m benchmarks.simple

test: $(READY)  ## All tests
	$(BIN)/python -m pytest -n auto --dist loadgroup -q

lint: $(READY)  ## Style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test  ## All that has to pass

bench: $(READY)  ## The measurements in docs/benchmarks.md (about ten minutes)
	$(BIN)/python -m benchmarks

campaign: $(READY)  ## Kills, full disks and worse, for an hour; then what held (a C compiler, PostgreSQL)
	$(BIN)/python -m benchmarks.campaign --minutes 60

fuzz: $(READY)  ## Odd files for every reader, for 20 minutes
	$(BIN)/python -m benchmarks.fuzz --minutes 20

device-check: $(READY)  ## Whether every kind of network trains on this machine's accelerator (minutes)
	$(BIN)/python -m benchmarks.device_check

results: $(READY)  ## The comparisons in docs/results (hours; also needs chromium)
	$(BIN)/python -m benchmarks.compare

docs: $(READY)  ## The site, in docs/_build/html
	$(BIN)/python docs/reference.py
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

lowest:  ## The core with the oldest packages that are allowed, in .venv-lowest
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-lowest.txt \
	  -e '.[images,report,pandas]' pytest hypothesis
	.venv-lowest/bin/python -m pytest -q tests/test_core.py tests/tasks tests/store

dist: $(READY)  ## The wheel and the source distribution, in dist/
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build --no-isolation --outdir dist .

.venv-trust:
	$(PYTHON) -m venv .venv-trust
	.venv-trust/bin/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom pip-audit pip-tools

sbom: $(READY) .venv-trust  ## What the tests run with, as a bill of materials: dist/sbom.json (CycloneDX)
	mkdir -p dist
	.venv-trust/bin/cyclonedx-py environment $(BIN)/python --of JSON -o dist/sbom.json

audit: $(READY) .venv-trust  ## Known vulnerabilities of these packages, from PyPI
	.venv-trust/bin/pip-audit --path $$($(BIN)/python -c 'import site; print(site.getsitepackages()[0])')

hashes: .venv-trust  ## The hashes of all files of the packages that are pinned: hashes.txt
	.venv-trust/bin/pip-compile --quiet --generate-hashes --strip-extras --no-annotate --no-header \
		--no-emit-options --unsafe-package torch --extra $(EXTRAS) -c constraints.txt -o hashes.new pyproject.toml
	(sed '/^[^#]/,$$d' hashes.txt; sed '/^#/d;/^$$/d' hashes.new) > hashes.both
	mv hashes.both hashes.txt; rm hashes.new

clean:  ## Remove what make made
	rm -rf .venv .venv-lowest .venv-trust dist docs/_build demo demo.html demo.svg

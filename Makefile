# Two commands matter: `make run` installs everything into .venv and opens the application, `make test` proves it.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := app tests

.PHONY: run test lint bench transcript faults pictures sbom lock clean

run: .venv/.run
	@$(BIN)/parlour

test: .venv/.test lint
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

lint: .venv/.test
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/.test
	$(BIN)/python -m tests.benchmarks $(BENCH_ARGS)

transcript: .venv/.test
	$(BIN)/python -m tests.transcript_page

faults: .venv/.test
	$(BIN)/python -m tests.faults $(if $(ROWS),--rows $(ROWS)) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SOAK),--soak $(SOAK))

sbom: .venv/.test
	@mkdir -p dist
	$(BIN)/python -m tests.supply > dist/sbom.json

pictures: .venv/.test
	$(BIN)/python -m tests.pictures

# An editable project cannot be installed in hash mode, so what it needs comes first, by hash, and then the project alone.
.venv/.run: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Parlour needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q app
	@touch $@

.venv/.test: requirements/test.txt .venv/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/test.txt
	@touch $@

# Resolves for every platform; neither file names an index.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group build -o requirements/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group build --group test -c requirements/run.txt -o requirements/test.txt

clean:
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

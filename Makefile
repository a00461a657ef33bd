# Two commands do everything on a machine that has Python 3.11 or newer and make:
#   make demo    sets up, then serves the site with a running demo study
#   make test    sets up, then runs every check

PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
# uv installs the same hash-pinned files ten times faster, where it is there.
INSTALL := $(if $(shell command -v uv),uv pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check)
# What a file's tests share is made once, and files come in the order of tests/databases.py.
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder
# Each of the tests' processes would else compile every module again.
unexport PYTHONDONTWRITEBYTECODE
TEMPLATES := $(shell find templates -name '*.html')

.PHONY: demo test lint types audit format schema pictures messages lock clean

demo: .venv/demo-installed
	$(BIN)/hustings demo --port $(PORT)

# Three workers for two processors: on SQLite some wait for processes, browsers and clocks.
test: lint types
	$(PYTEST) -n 3 --database sqlite
	$(PYTEST) -n 2 --database postgres

lint: .venv/test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/djade --check --target-version 5.2 $(TEMPLATES)
	$(BIN)/hustings makemigrations --check --dry-run

types: .venv/test-installed
	$(BIN)/mypy .

# Known vulnerabilities of what is installed in production, by the advisories of PyPI.
audit: .venv/test-installed
	@$(BIN)/pip-audit --disable-pip --require-hashes --progress-spinner off --format json \
		-r requirements.txt 2>/dev/null | $(BIN)/python .ci/audit.py

format: .venv/test-installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	-$(BIN)/djade --target-version 5.2 $(TEMPLATES)

# The REST interface as it is described for programs; a test says where it has drifted.
schema: .venv/test-installed
	$(BIN)/hustings spectacular --validate --fail-on-warn --file docs/openapi.yaml

# The documentation's pictures, of the pages as they are now.
pictures: .venv/test-installed
	HUSTINGS_TAKE_PICTURES=1 $(BIN)/python -m pytest -q tests/test_pictures.py

# What raters read, in German. Needs Debian's gettext; then translate what is empty, and run it
# again. Everything else is said in English alone: US English, written by hand, where it differs.
ENGLISH_ONLY := 'admin*' documentation documentation.py leaderboards 'studies/[!m]*' '*/models/[!bcp]*' \
	'*/models/contestants.py' '*/models/programs.py' asking.py exclusions.py 'judge*.py' previews.py \
	progress.py replies.py '*report.py' review.py 'simulat*.py'
messages: .venv/test-installed
	$(BIN)/python manage.py makemessages -l de --no-wrap --no-location --no-obsolete \
		$(foreach pattern,$(ENGLISH_ONLY) tests docs var build,-i $(pattern))
	for po in platform/hustings/locale/*/LC_MESSAGES/django.po; do \
		msgfmt --check -o "$${po%.po}.mo" "$$po"; done

# Needs uv. Hashes without the address of a package index.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links pyproject.toml
lock:
	$(LOCK) --extra build -o requirements.txt
	$(LOCK) --extra build --extra dev --constraint requirements.txt -o requirements-dev.txt

clean:
	rm -rf .venv var build dist

.venv/created:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Hustings needs Python 3.11 or newer.")'
	$(PYTHON) -m venv .venv
	touch $@

.venv/demo-installed: .venv/created requirements.txt pyproject.toml
	$(INSTALL) --require-hashes -r requirements.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	touch $@

.venv/test-installed: .venv/created requirements-dev.txt pyproject.toml
	$(INSTALL) --require-hashes -r requirements-dev.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	touch $@ .venv/demo-installed

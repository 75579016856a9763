# make app    sets everything up and opens Netloom on http://127.0.0.1:8501
# make test   sets everything up and runs every check and every test
# make check  ruff and mypy        make bench  Netloom against the same work written by hand
# make verdicts   trains the table of healthy and ill networks, and compares what is said of them
# make templates-table  trains every template and writes docs/templates.md
# make lessons  performs the steps of the lessons with three seeds, and prints what they claim beside what is measured
# make docs   writes docs/checks.md from the docstrings of the checks and verdicts, assets/layer_facts.json from what torch
#             infers of the layers of the templates, and takes docs/images from the app

SYSTEM_PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
PYTHON = $(VENV)/bin/python
READY = $(VENV)/.ready

.PHONY: app test check bench verdicts templates-table lessons docs chromium clean

app: $(READY)
	$(PYTHON) -m trainers app

# Tests that drive a browser mostly wait, so two of them share the machine. They are apart from the others, which
# would make every page slow.
test: $(READY) check chromium
	$(PYTHON) -m pytest tests/browser -n 2 --dist worksteal
	$(PYTHON) -m pytest --ignore tests/browser -n 2 --dist worksteal

check: $(READY)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

bench: $(READY)
	$(PYTHON) -m benchmarks

verdicts: $(READY)
	$(PYTHON) -m tests.verdicts.table

templates-table: $(READY)
	$(PYTHON) -m benchmarks.templates

lessons: $(READY)
	$(PYTHON) -m benchmarks.lessons

docs: $(READY) chromium
	$(PYTHON) docs/make_checks.py
	$(PYTHON) docs/make_layer_facts.py
	$(PYTHON) -m tests.browser.screenshots

chromium: $(READY)
	$(PYTHON) -m tests.browser.chromium

clean:
	rm -rf $(VENV)

$(READY): pyproject.toml constraints.txt
	test -x $(PYTHON) || $(SYSTEM_PYTHON) -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $@

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

.PHONY: app test first-lane second-lane long-tests check style types bench verdicts templates-table lessons docs chromium clean

app: $(READY)
	$(PYTHON) -m trainers app

# Two lanes. Tests that drive a browser wait for a third of their time, also where two of them share the machine, so the
# types and the long tests (those marked slow) run beside them, and give way to them (nice): a page is not made slow. The
# others follow when the browser has ended, as nice as the long ones, so that all end at about the same time. What the
# second lane says is shown when it has ended.
test: $(READY) style chromium
	$(MAKE) --no-print-directory --jobs 2 first-lane second-lane

first-lane:
	$(PYTHON) -m pytest tests/browser -n 2 --dist worksteal
	nice -n 10 $(PYTHON) -m pytest --ignore tests/browser -m "not slow" -n 2 --dist worksteal

second-lane:
	@nice -n 10 $(MAKE) --no-print-directory --keep-going types long-tests > $(VENV)/second-lane.log 2>&1; \
		status=$$?; cat $(VENV)/second-lane.log; exit $$status

long-tests: $(READY)
	$(PYTHON) -m pytest --ignore tests/browser -m slow

check: style types

style: $(READY)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: $(READY)
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

# Two commands need no set-up: `make` measures HEAD, `make test` runs all checks and tests.
# Both need git, make and Python 3.11 or later with pip and venv; PYTHON=… chooses which Python.
PYTHON ?= python3
VENV := .venv
ASV := $(VENV)/bin/asv

# asv takes regular expressions for `--bench`; the headline scenarios stand in the two domains' own
# modules, and instructions take seconds each.
RUN = $(ASV) run "HEAD^!" --show-stderr --record-samples --bench
ALL_BUT_INSTRUCTIONS = (?!.*track_instructions)
RATIOS = track_times_driver

.PHONY: run full ratios instructions load releases test publish site clean
run: $(VENV)/tools
	$(RUN) '^(datasets|ecommerce|social)\.$(ALL_BUT_INSTRUCTIONS)'
	@echo "Measured. 'make site' publishes the results; README.md shows how to compare commits."

full: $(VENV)/tools
	$(RUN) '^(?!load\.)$(ALL_BUT_INSTRUCTIONS)(?!.*$(RATIOS))'

# Times the driver, each in at least five processes, what lasts in nine.
ratios: $(VENV)/tools
	$(RUN) '$(RATIOS)'

load: $(VENV)/tools
	$(RUN) '^load\.'

instructions: $(VENV)/tools
	$(RUN) 'track_instructions'

# Counts of the releases of SQLAlchemy that have none yet.
releases: $(VENV)/tools
	$(VENV)/bin/sqlalchemy-asv releases
	$(ASV) --config asv.releases.conf.json run HASHFILE:.asv/releases/sqlalchemy/commits \
		--skip-existing --bench 'track_(statements|rows|calls|allocated|instructions)(?!_)'

test: $(VENV)/tests
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/pytest --numprocesses=2 --dist=loadfile --ignore=tests/test_load.py
	@echo "Load tests, which need the machine to themselves:"
	$(VENV)/bin/pytest tests/test_load.py

# The sites of all histories, and the page from which they are reached, in .asv/site.
publish: $(VENV)/tools
	$(VENV)/bin/sqlalchemy-asv releases
	$(ASV) publish
	$(ASV) --config asv.matrix.conf.json publish
	$(ASV) --config asv.releases.conf.json publish

# Serve them on http://127.0.0.1:8080 until interrupted.
site: publish
	$(VENV)/bin/python -m http.server --bind 127.0.0.1 --directory .asv/site 8080

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sqlalchemy-asv: Python 3.11 or later is needed, this is " + sys.version.split()[0] + "; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# npm, which the site's scripts come from, is installed as a package where the machine has none.
$(VENV)/tools: $(VENV)/bin/python pyproject.toml
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -e ".[tools,load$(if $(shell command -v npm),,,npm)]"
	@touch $@

$(VENV)/tests: $(VENV)/tools
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -e ".[tools,load,test]"
	@touch $@

clean:
	rm -rf .asv $(VENV)

# Two commands need no set-up: `make` measures HEAD and its parent and compares them, `make test` runs
# all checks and tests. Both need git, make and Python 3.11 or later with pip and venv;
# PYTHON=… chooses which Python.
PYTHON ?= python3
VENV := .venv
ASV := $(VENV)/bin/asv
PIP := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check

# asv takes regular expressions for `--bench`. The everyday scenarios stand in the two domains' own
# modules. Instructions and repetitions take seconds each; CPU time says little that wall time and
# counts do not.
RUN = $(ASV) run --record-samples
NO_INSTRUCTIONS = (?!.*track_instructions)
PARENT = git rev-parse --quiet --verify HEAD~1 >/dev/null

# Scripts of an environment name its folder, so a clone that was moved needs a new one.
ifneq ($(wildcard $(VENV)/place),)
ifneq ($(shell cat $(VENV)/place),$(shell pwd))
$(shell rm -rf $(VENV))
endif
endif

.PHONY: run full instructions load releases check test publish site wheel clean
run: $(VENV)/tools
	@$(PARENT) || echo "HEAD has no parent here (a first commit, or a shallow clone): HEAD alone is measured."
	git rev-list --first-parent --max-count=2 HEAD | $(RUN) HASHFILE:- \
		--bench '^(ecommerce|social)\.(?!.*(instructions|time_cpu|compiled|cache_entries|retained|cycles))'
	@if $(PARENT); then $(ASV) compare HEAD~1 HEAD; fi
	@echo "Type \`. $(VENV)/bin/activate\` first: it puts these commands on the path."

full: $(VENV)/tools
	$(RUN) "HEAD^!" --bench '^(?!load\.)$(NO_INSTRUCTIONS)'

load: $(VENV)/tools
	$(RUN) "HEAD^!" --bench '^load\.'

# Machine instructions, and how many times as many as the bare driver's.
instructions: $(VENV)/tools
	$(RUN) "HEAD^!" --bench 'track_instructions'

# All exact counts of the releases of SQLAlchemy that have none yet; PART=2/8 takes the second of
# eight parts.
PART ?= 1/1
releases: $(VENV)/tools
	$(VENV)/bin/sqlalchemy-asv releases --part $(PART)
	$(ASV) --config asv.releases.conf.json run HASHFILE:.asv/releases/sqlalchemy/commits \
		--skip-existing --bench '^(?!load\.|datasets\.).*track_(?!overhead|instructions_driver)'

# The daily loop: lint, types, the layers of the tool, and unit tests.
check: $(VENV)/tests
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --cache-dir .asv/import-linter
	$(VENV)/bin/pytest --numprocesses=2 tests/unit

test: check
	$(VENV)/bin/pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder tests/catalogue tests/commands
	@echo "Load tests, which need the machine to themselves:"
	$(VENV)/bin/pytest tests/load

# The sites of all histories, and the page from which they are reached, in .asv/site.
publish: $(VENV)/tools
	$(VENV)/bin/sqlalchemy-asv releases
	$(ASV) publish
	$(ASV) --config asv.releases.conf.json publish

# Serve them on http://127.0.0.1:8080 until interrupted.
site: publish
	$(VENV)/bin/python -m http.server --bind 127.0.0.1 --directory .asv/site 8080

# The tool as a wheel, for another environment: dist/sqlalchemy_asv-….whl
wheel: $(VENV)/tools
	$(VENV)/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist ./tool

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sqlalchemy-asv: Python 3.11 or later is needed, this is " + sys.version.split()[0] + "; try make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "sqlalchemy-asv: this Python cannot make a virtual environment: install Debian's package python3-venv, or choose another by make PYTHON=…" >&2; exit 2; }
	@pwd > $(VENV)/place

# npm, which the site's scripts come from, is installed as a package where the machine has none.
$(VENV)/tools: $(VENV)/bin/python pyproject.toml tool/pyproject.toml
	$(PIP) -e ".[tools,load$(if $(shell command -v npm),,,npm)]" -e tool
	@touch $@

$(VENV)/tests: $(VENV)/tools
	$(PIP) -e ".[tools,load,test]" -e tool
	@touch $@

clean:
	rm -rf .asv $(VENV) dist

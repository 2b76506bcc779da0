# Everything a newcomer needs: `make run`, `make demo`, `make test`. Works on a fresh Debian with Python 3.11.
.PHONY: run demo test lint bench image clean

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
APT := apt-get -o Dpkg::Use-Pty=0 install -y --no-install-recommends

run: $(VENV)/.run
	$(BIN)/aggregator db upgrade
	exec $(BIN)/aggregator run

demo: $(VENV)/.run
	exec $(BIN)/aggregator demo

# PYTEST_ARGS="-k feeds" runs some of them; a file's tests share what they start, so each core gets whole files
test: $(VENV)/.test chromium
	$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST_ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.polling

image:
	docker build -t university-news-aggregator .

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# Debian ships Python without venv's pip; install it where we may, else say how
$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); [ "$$(id -u)" = 0 ] && apt-get update && $(APT) python3-venv && $(PYTHON) -m venv $(VENV); } \
		|| { echo "python3 -m venv does not work; run: sudo apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,postgresql]'
	@touch $@ $(VENV)/.run

$(VENV)/.lint: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[lint]'
	@touch $@

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && $(APT) chromium fonts-noto-cjk; } \
		|| echo "chromium is missing and cannot be installed here: the browser tests will be skipped (sudo apt-get install chromium)"

# What a person needs: make demo, make test. `make help` lists the rest.
# Everything runs in .venv, made here on first use; a file in it marks each step that is done.

VENV  := .venv
BIN   := $(VENV)/bin
PY    := $(BIN)/python
PIP   := $(PY) -m pip --disable-pip-version-check --quiet install
TORCH := torch==2.13.0
FOUND := python3 python3.14 python3.13 python3.12 python3.11 python3.10 python

.PHONY: help demo test parity check format bench lessons ptx clean

help:               ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /make \1	/p' Makefile

demo: $(VENV)/.base ## train on 1,797 real digits and draw the backward graph into demo/
	@$(PY) -m minigrad demo $(ARGS)

test: $(VENV)/.test ## all tests that need neither torch nor a GPU
	@$(PY) -m pytest -q -n auto --dist worksteal -m "not parity" $(ARGS)

parity: $(VENV)/.torch ## the tests that compare with torch (installs it)
	@$(PY) -m pytest -q -n auto --dist worksteal -m parity $(ARGS)

check: $(VENV)/.dev ## lint, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.dev ## let ruff mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.torch ## time steps and operations beside torch (installs it)
	@$(PY) -m benchmarks $(ARGS)

lessons: $(VENV)/.notebooks ## build the notebooks and open them in JupyterLab
	@$(PY) -m lessons.build
	@$(BIN)/jupyter lab build/lessons

ptx: .venv-ptx/.base ## compile every CUDA kernel to PTX; needs no GPU
	@mkdir -p build
	@.venv-ptx/bin/python -m pytest -q tests/ptx --ptx-table build/ptx.md $(ARGS)
	@echo "registers, shared memory and spills of each kernel: build/ptx.md"

clean:              ## remove what make made, but not notebooks that somebody may have worked in
	rm -rf $(VENV) .venv-ptx demo dist *.egg-info build/bdist.* build/lib build/ptx.*
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --------------------------------------------------------------------------------------------------

define make_venv
	@found=; for python in $(PYTHON) $(FOUND); do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || continue; \
	    found=$$python; break; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "minigrad needs Python 3.10 or newer and found none of: $(PYTHON) $(FOUND)" >&2; \
	    echo "Install one, or name it: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; \
	    exit 1; \
	fi; \
	echo "making $(@D) with $$($$found --version)"; \
	"$$found" -m venv --clear $(@D) || { \
	    rm -rf $(@D); \
	    echo "$$found cannot make a virtual environment." >&2; \
	    echo "On Debian and Ubuntu: sudo apt install python3-venv" >&2; \
	    exit 1; \
	}
endef

# Without graphviz-pure (its wheels cover Linux, macOS and Windows) the pictures are still drawn.
$(VENV)/.base: pyproject.toml
	$(make_venv)
	@echo "installing minigrad into $(VENV)"
	@$(PIP) -e ".[dot]" || $(PIP) -e .
	@touch $@

$(VENV)/.test: $(VENV)/.base
	@echo "installing what the tests need"
	@$(PIP) -e ".[test]"
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	@echo "installing ruff and mypy"
	@$(PIP) -e ".[dev]"
	@touch $@

$(VENV)/.notebooks: $(VENV)/.base
	@echo "installing JupyterLab"
	@$(PIP) -e ".[notebooks]"
	@touch $@

$(VENV)/.torch: $(VENV)/.test
	@echo "installing $(TORCH)"
	@$(PIP) "$(TORCH)"
	@touch $@

.venv-ptx/.base: pyproject.toml
	$(make_venv)
	@echo "installing the CUDA 13 compiler into .venv-ptx"
	@.venv-ptx/bin/python -m pip --disable-pip-version-check --quiet install -e ".[cuda13,test]"
	@touch $@

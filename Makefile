# make demo    the whole mission in minutes: world, pretraining, probes, audit, embeddings, report
# make test    format, lint, types, tests, every experiment in its tiny form, the documentation
# make docs    the documentation in docs/_build/html, its examples run; a warning is an error
# make links   whether the external links of the documentation answer; needs the network
# make setup   what both stand on: .venv with everything, and system libraries where they are missing
PY := .venv/bin/python
WORKERS ?= 2

.PHONY: setup demo test lint types unit tiny docs links clean

setup:
	@sh setup.sh

demo: setup
	$(PY) experiments/demo.py --out runs/demo

test: setup lint types unit tiny docs

lint:
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .

types:
	.venv/bin/pyright

unit:
	OMP_NUM_THREADS=1 $(PY) -m pytest -n $(WORKERS) # processes, not threads: two of each would fight

tiny:
	$(PY) experiments/tiny.py

docs: setup
	$(PY) docs/build.py

links: setup
	$(PY) docs/build.py --links

clean:
	rm -rf .venv runs build dist *.egg-info docs/_build docs/api

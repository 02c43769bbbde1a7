# SPDX-License-Identifier: GPL-3.0-or-later
# Two targets matter: `make demo` and `make test`. Each sets up everything it needs below .build/.
PYTHON ?= python3
VENV = $(shell $(PYTHON) tools/setup_env.py $(if $(CORE),--core $(CORE)))
COLLECTIONS = $(CURDIR)/.build/collections

.PHONY: demo test unit e2e drift matrix slow lint types bench lock clean

demo:
	@$(PYTHON) tools/run.py demo

test:
	@$(PYTHON) tools/run.py test

unit e2e drift matrix slow lint types bench:
	@$(PYTHON) tools/run.py $@

lock:
	@bash tools/lock.sh

clean:
	rm -rf .build

# SPDX-License-Identifier: GPL-3.0-or-later
# Two targets matter: `make demo` and `make test`. Each sets up everything it needs below .build/.
# `make fuzz` takes FUZZ_SECONDS for each target (60), FUZZ_TARGETS, and FUZZ_SAVE=1 to keep what it learned.
# `make test ALSO="wine slow"` runs more targets after it and counts everything in one last line.
PYTHON ?= python3

.PHONY: demo test unit coverage mutation e2e drift matrix site soak slow wine browser molecule awx package bundle audit sanity sanity-all units units-all lint types bench fuzz lock clean

demo:
	@$(PYTHON) tools/run.py demo

test:
	@$(PYTHON) tools/run.py test $(ALSO)

unit coverage mutation e2e drift matrix site soak slow wine browser molecule awx package bundle audit sanity sanity-all units units-all lint types bench fuzz:
	@$(PYTHON) tools/run.py $@

lock:
	@bash tools/lock.sh

clean:
	rm -rf .build

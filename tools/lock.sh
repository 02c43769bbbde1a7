#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes requirements/core-*.txt and lint.txt anew from the *.in files: one resolved set per ansible-core.
set -euo pipefail
cd "$(dirname "$0")/.."
lock() {  # lock <name> <python> <package...>
  local name=$1 python=$2 scratch
  shift 2
  scratch=$(mktemp -d)
  "$python" -m venv "$scratch/venv"
  "$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
  { head -n 1 requirements/test.in
    echo "# Made by tools/lock.sh; edit the .in files instead."
    "$scratch/venv/bin/python" -m pip freeze --exclude pip --exclude setuptools
  } > "requirements/$name.txt"
  rm -rf "$scratch"
}
find_python() { python3 -c "import sys; sys.path.insert(0, 'tools'); import setup_env; print(setup_env.find_python('$1'))"; }
lock core-2.16 "$(find_python 3.11)" 'ansible-core==2.16.19' -r requirements/test.in
lock core-2.19 "$(find_python 3.12)" 'ansible-core==2.19.14' -r requirements/test.in
lock core-2.21 "$(find_python 3.13)" 'ansible-core==2.21.5' -r requirements/test.in
lock lint "$(find_python 3.13)" 'ansible-core==2.21.5' -r requirements/test.in -r requirements/lint.in
lock acceptance "$(find_python 3.13)" 'ansible-core==2.21.5' -r requirements/test.in -r requirements/acceptance.in
lock mutation "$(find_python 3.13)" 'ansible-core==2.21.5' -r requirements/test.in -r requirements/mutation.in
lock fuzz "$(find_python 3.13)" 'ansible-core==2.21.5' -r requirements/test.in -r requirements/fuzz.in
lock supply "$(find_python 3.13)" -r requirements/supply.in

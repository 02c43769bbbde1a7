#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the collection and what it needs from the files beside this script. Nothing is fetched.
#   sh install.sh DIRECTORY [PYTHON]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:?"install.sh: say where to install to, for example: sh install.sh /opt/opc_dcom"}
python=${2:-python3}
if [ -e "$target" ]; then
  echo "install.sh: $target exists already; choose another directory or remove it" >&2
  exit 2
fi
(cd "$here" && sha256sum --quiet --check SHA256SUMS) || {
  echo "install.sh: the files are not those that were packed; nothing was installed" >&2
  exit 3
}
wanted=$(ls "$here/wheels" | sed -n 's/^[Cc]ffi-.*-cp3\([0-9]*\)-cp3.*/3.\1/p' | head -n 1)
present=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if [ -n "$wanted" ] && [ "$wanted" != "$present" ]; then
  echo "install.sh: this archive is for Python $wanted, $python is $present; name another one as the second argument" >&2
  exit 4
fi
"$python" -m venv "$target/venv"
"$target/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --require-hashes \
  --find-links "$here/wheels" --requirement "$here/requirements.txt"
ANSIBLE_COLLECTIONS_PATH="$target/collections" "$target/venv/bin/ansible-galaxy" collection install --offline -p "$target/collections" "$here"/collections/*.tar.gz
echo "Installed. Use it with:"
echo "  export ANSIBLE_COLLECTIONS_PATH=$target/collections PATH=$target/venv/bin:\$PATH"

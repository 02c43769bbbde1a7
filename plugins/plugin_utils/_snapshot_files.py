# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Copies of snapshots on the controller: one JSON file each, readable by their owner only."""

from __future__ import annotations

import os
from pathlib import Path

from ..module_utils._errors import HostStateError
from ..module_utils._snapshot import Snapshot
from ..module_utils._snapshot_codec import dump_file, load_file
from ._controller_files import write_file


def write_copy(path: str, snapshot: Snapshot) -> str:
    """Write the snapshot to a file, or into a directory under a name of its own; return where it is.

    The file is whole or not there at all. Raises: HostStateError when it cannot be written.
    """
    target = Path(path).expanduser()
    if path.endswith(os.sep) or target.is_dir():
        target = target / f"{snapshot.host.computer_name}-{snapshot.name}.json"
    try:
        write_file(target, dump_file(snapshot).encode("ascii"))
    except OSError as error:
        raise HostStateError(f"the snapshot cannot be written to {target} on the controller: {error}") from error
    return str(target)


def read_copy(path: str) -> Snapshot:
    """Read a snapshot from a file. Raises: HostStateError when it is not there or is none."""
    try:
        text = Path(path).expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise HostStateError(f"the snapshot {path} on the controller cannot be read: {error}") from error
    try:
        return load_file(text)
    except HostStateError as error:
        raise HostStateError(f"{path}: {error}") from error

# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What a module does to a host, independent of Ansible: a resource turns options into a plan; _run carries it out."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..module_utils._plan import Plan
from ..module_utils._registry import RegistryKey
from ._host._host import Host
from ._host._snapshots import SnapshotRequest

Parameters = Mapping[str, Any]
Spec = dict[str, dict[str, Any]]


class Resource(abc.ABC):
    """One concern of a host.

    `argument_spec` is what the module accepts, `constraints` the rules between options (mutually_exclusive,
    required_one_of, required_if ...), both in Ansible's form.
    """

    argument_spec: ClassVar[Spec]
    constraints: ClassVar[dict[str, list[Any]]] = {}

    @abc.abstractmethod
    def desired(self, parameters: Parameters) -> Any:
        """Turn validated options into the desired state. Raises: ParameterError before the host is contacted."""

    def keys(self, desired: Any) -> Sequence[RegistryKey]:
        """Keys whose values `plan` will read, so that a caller with many resources can fetch them together."""
        return ()

    def trees(self, desired: Any) -> Sequence[RegistryKey]:
        """Keys of which `plan` will read everything below, too."""
        return ()

    def keys_found(self, host: Host, desired: Any) -> Sequence[RegistryKey]:
        """Keys whose names are known only once `keys` and `trees` have been read, such as the AppID of a ProgID."""
        return ()

    def keys_expected(self, host: Host, desired: Any) -> Sequence[RegistryKey]:
        """Keys of `keys_found` as a record of earlier runs has them: a guess that saves a command. One message."""
        return ()

    def prefetch(self, host: Host, desired: Any) -> None:  # noqa: B027 - most resources read value by value
        """Read ahead what `plan` will need, where one bulk read is cheaper."""

    def snapshot(self, host: Host, desired: Any) -> SnapshotRequest | None:
        """The snapshot to take before the first change; single modules take none."""
        return None

    @abc.abstractmethod
    def plan(self, host: Host, desired: Any) -> Plan:
        """Read the host and decide. Nothing is written."""

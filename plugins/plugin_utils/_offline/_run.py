# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""From a desired state and a file of facts to a bundle in a directory on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ...module_utils._errors import DomainError, HostStateError, ParameterError
from ...module_utils._host_state import STATE_KEY
from ...module_utils._offline_facts import FACTS, OfflineFacts, collector, parse_facts
from ...module_utils._plan import Plan
from ...module_utils._registry import RegistryKey
from ...module_utils._sid import Sid
from .._controller_files import write_file
from .._host._environment import KEYS as ENVIRONMENT_KEYS
from .._host._firewall import KEYS as FIREWALL_KEYS
from .._host._firewall import TREES as FIREWALL_TREES
from .._host._host import Host
from .._host._identity import KEYS as IDENTITY_KEYS
from .._host._identity import read_identity
from .._resource import Parameters, Spec
from .._resources._opc_host import HostRequest, OpcHost
from .._run import Outcome, run_resource
from .._wsman._client import decode_output
from ._bundle import COLLECT, SUMS, bundle_files
from ._host import KEYS, OfflineHost

OFFLINE_SPEC: Spec = {
    "desired": {"type": "dict", "required": True},
    "dest": {"type": "path", "required": True},
    "facts": {"type": "path"},
    "sids": {"type": "dict", "default": {}},
}
# Both views of the applications, of which any may be meant.
_APPLICATIONS = (RegistryKey("SOFTWARE\\Classes\\AppID"), RegistryKey("SOFTWARE\\Classes\\Wow6432Node\\AppID"))
_RESOURCE = OpcHost()
_MAX_FACTS_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class OfflineRequest:
    """What is wanted, and where its files are."""

    desired: HostRequest
    dest: Path
    facts: Path | None
    sids: Mapping[str, Sid]


def parse_request(parameters: Parameters) -> OfflineRequest:
    """Raises: ParameterError with the path of the option."""
    facts = parameters["facts"]
    return OfflineRequest(
        _desired(parameters["desired"]),
        Path(parameters["dest"]),
        Path(facts) if facts else None,
        dict(_sid(name, text) for name, text in parameters["sids"].items()),
    )


def _desired(options: Mapping[str, Any]) -> HostRequest:
    """The options of opc_host, held to its argument spec."""
    outcome = ArgumentSpecValidator(_RESOURCE.argument_spec, **_RESOURCE.constraints).validate(dict(options))
    if outcome.error_messages:
        raise ParameterError("desired", "; ".join(outcome.error_messages))
    try:
        request: HostRequest = _RESOURCE.desired({**outcome.validated_parameters, "snapshot": False})
    except ParameterError as error:
        raise ParameterError(f"desired.{error.path}" if error.path else "desired", error.message) from error
    return request


def _sid(name: object, text: object) -> tuple[str, Sid]:
    try:
        return str(name), Sid.from_string(str(text))
    except DomainError as error:
        raise ParameterError(f"sids.{name}", str(error)) from error


def make_bundle(request: OfflineRequest, *, check_mode: bool, with_diff: bool) -> dict[str, Any]:
    """Write the script that collects the facts and, where they are there, the bundle. Raises: OpcDcomError."""
    script = collector(_keys(request.desired), _trees(request.desired))
    if request.facts is None:
        files = {COLLECT: script.encode("utf-8")}
        return {"changed": _write(request.dest, files, check_mode=check_mode), "files": sorted(files), "steps": []}
    host = OfflineHost(_read_facts(request.facts), request.sids)
    outcome = _plan(host, request)
    computer = read_identity(host.registry).computer_name
    files = bundle_files(outcome.plan, computer, host.firewall.environment, script) if outcome.plan.operations else {}
    result = outcome.to_result(with_diff=with_diff)
    result.update(
        changed=_write(request.dest, files, check_mode=check_mode),
        computer_name=computer,
        files=sorted(files),
        restart_required=list(outcome.plan.restart_services),
        steps=[item.describe() for item in outcome.plan.operations],
    )
    return result


def _plan(host: OfflineHost, request: OfflineRequest) -> Outcome:
    """What is to be done there. Raises: HostStateError for what only a connected run can settle."""
    outcome = run_resource(host, _RESOURCE, request.desired, check_mode=True)
    if outcome.recovered:
        raise HostStateError("a run of the collection did not finish on this host; only a connected run can undo it")
    if outcome.plan.preview_only:
        raise HostStateError(f"missing on this host: {', '.join(outcome.plan.preview_only)}")
    return Outcome(_with_keys(host, outcome.plan))


def _with_keys(host: Host, plan: Plan) -> Plan:
    """The plan with the keys it has to make, so that going back takes them away."""
    host.stop_pretending()
    return replace(plan, operations=host.registry_operations.with_missing_keys(plan.operations))


def _keys(desired: HostRequest) -> list[RegistryKey]:
    return [*IDENTITY_KEYS, *KEYS, *ENVIRONMENT_KEYS, *FIREWALL_KEYS, *_RESOURCE.keys(desired)]


def _trees(desired: HostRequest) -> list[RegistryKey]:
    return [STATE_KEY, *FIREWALL_TREES, *_APPLICATIONS, *_RESOURCE.trees(desired)]


def _read_facts(path: Path) -> OfflineFacts:
    """Raises: HostStateError that names the file."""
    try:
        if path.stat().st_size > _MAX_FACTS_BYTES:
            raise HostStateError(f"{path} has more than {_MAX_FACTS_BYTES} bytes; it is no {FACTS}")
        return parse_facts(decode_output(path.read_bytes()))
    except OSError as error:
        raise HostStateError(f"{path} cannot be read: {error.strerror}") from error
    except DomainError as error:
        raise HostStateError(f"{path} is no file of facts: {error}") from error


def _write(dest: Path, files: Mapping[str, bytes], *, check_mode: bool) -> bool:
    """Bring the directory to these files; return whether that changes anything. What is not ours is left alone.

    Raises: HostStateError.
    """
    try:
        stale = [name for name in _listed(dest) if name not in files]
        due = {name: data for name, data in files.items() if not _holds(dest / name, data)}
        if not check_mode:
            for name in stale:
                (dest / name).unlink(missing_ok=True)
            for name, data in due.items():
                write_file(dest / name, data)
    except OSError as error:
        raise HostStateError(f"the files cannot be written to {dest} on the controller: {error}") from error
    return bool(stale or due)


def _listed(dest: Path) -> list[str]:
    """The files of an earlier bundle, by its list of sums, as far as they are there."""
    sums = dest / SUMS
    if not sums.is_file():
        return []
    names = [line.partition("  ")[2] for line in sums.read_text(encoding="ascii").splitlines()]
    return [name for name in (*names, SUMS) if name and "/" not in name and (dest / name).is_file()]


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data

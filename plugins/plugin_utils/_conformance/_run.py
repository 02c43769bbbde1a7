# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Tries the claims out on one host, one after the other. One that fails does not keep the others from being tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from types import MappingProxyType
from typing import Any

from ...module_utils._conformance import (
    CLAIMS,
    NOT_TRIED,
    Claim,
    Judgement,
    Observation,
    Outcome,
    count,
    table,
    unclear,
)
from ...module_utils._errors import OpcDcomError, ParameterError
from .._host._host import Host
from .._resource import Parameters, Spec
from .._wsman._errors import HostUnreachable, WsmanError
from . import _object_checks as objects
from . import _program_checks as programs
from . import _registry_checks as registry
from . import _write_checks as writes

Check = Callable[[Host], Observation]

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "identify": objects.identify,
        "operating_system": objects.operating_system,
        "registry.both_ways_agree": registry.both_ways_agree,
        "registry.missing_value": registry.missing_value,
        "registry.missing_key": registry.missing_key,
        "registry.other_type": registry.other_type,
        "registry.expand_as_string": registry.expand_as_string,
        "registry.no_subkeys": registry.no_subkeys,
        "registry.check_access": registry.check_access,
        "shell.code_page": programs.code_page,
        "shell.exit_code": programs.exit_code,
        "shell.and_operator": programs.and_operator,
        "reg_exe.missing_key": programs.missing_registry_key,
        "reg_exe.missing_line": programs.missing_registry_keys,
        "reg_exe.search": programs.registry_search,
        "reg_exe.search_time": programs.registry_search_time,
        "netsh.exit_codes": programs.netsh_exit_codes,
        "wevtutil.xml": programs.event_xml,
        "wevtutil.missing_log": programs.missing_log,
        "firewall.rules": programs.firewall_rules,
        "accounts.well_known": objects.well_known_accounts,
        "accounts.group": objects.group_by_name,
        "accounts.system": objects.system_account_by_name,
        "accounts.unknown_name": objects.unknown_name,
        "accounts.unknown_sid": objects.unknown_sid,
        "accounts.members": objects.members,
        "accounts.no_group": objects.members_of_no_group,
        "accounts.local": objects.local_account_by_query,
        "accounts.computer": objects.computer_account,
        "faults.class": objects.missing_class,
        "faults.method": objects.missing_method,
        "faults.query": objects.malformed_query,
        "files.get": objects.file_by_path,
        "com.limits": objects.machine_limits,
        "com.shipped_limits": objects.shipped_limits,
        "com.legacy_level": objects.legacy_level,
        "com.opc_enum_class": objects.opc_enum_class,
        "system.revision": objects.revision,
        "write.number": writes.numbers,
        "write.binary": writes.binary,
        "write.text": writes.text,
        "write.texts": writes.texts,
        "write.expand": writes.expand,
        "write.unnamed": writes.unnamed,
        "write.names": writes.names,
        "write.one_value": writes.one_value,
        "write.missing_key": writes.missing_key,
        "write.full_key": writes.full_key,
    }
)

CONFORMANCE_SPEC: Spec = {
    "allow_writes": {"type": "bool", "default": False},
    "claims": {"type": "list", "elements": "str"},
}


def chosen_claims(parameters: Parameters) -> Sequence[Claim]:
    """The claims to try. Raises: ParameterError for a name that no claim has."""
    wanted = parameters["claims"]
    if wanted is None:
        return CLAIMS
    unknown = sorted(set(wanted) - {claim.name for claim in CLAIMS})
    if unknown:
        known = ", ".join(claim.name for claim in CLAIMS)
        raise ParameterError("claims", f"there is no claim {', '.join(unknown)}; there are {known}")
    return [claim for claim in CLAIMS if claim.name in wanted]


def try_out(host: Host, claims: Sequence[Claim], *, allow_writes: bool) -> dict[str, Any]:
    """What the host said, and what it is. Raises: HostUnreachable, HostStateError when the scratch key is in use."""
    is_writing = allow_writes and any(claim.writes for claim in claims)
    with writes.scratch_key(host) if is_writing else nullcontext():
        judged = [Judgement(claim, _observe(host, claim, allow_writes)) for claim in claims]
    system = host.operating_system
    return {
        "system": {"caption": system.caption, "version": system.version, "build": system.build},
        "wrote": is_writing,
        "counts": dict(count(judged)),
        "refuted": [item.claim.name for item in judged if item.observation.outcome is Outcome.REFUTED],
        "claims": [item.to_dict() for item in judged],
        "table": table(judged),
    }


def _observe(host: Host, claim: Claim, allow_writes: bool) -> Observation:
    if claim.writes and not allow_writes:
        return NOT_TRIED
    try:
        return CHECKS[claim.name](host)
    except HostUnreachable:
        raise
    except WsmanError as error:
        return unclear(error.message)  # without the address of the host
    except OpcDcomError as error:
        return unclear(str(error))
